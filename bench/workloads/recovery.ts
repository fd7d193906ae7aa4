import { setTimeout as delay } from "node:timers/promises";
import type { ProcessCluster } from "../../test/cluster/process-cluster.ts";
import { LargeCluster } from "../cluster/large-cluster.ts";
import { processUsage } from "../cluster/process-usage.ts";
import type { ResultRow } from "../results/result-file.ts";
import { fillTopic } from "./fill-topic.ts";
import { type Workload, type WorkloadContext, system } from "./workload.ts";

const storedBytes = 512 * 1024 * 1024;
const quickStoredBytes = 32 * 1024 * 1024;
const partitionsPerTopic = 10;
const topicCount = 10;
const recordBytes = 1024;
const bytesPerMebibyte = 1024 * 1024;

/** `recovery` */
export const recoveryWorkload: Workload = {
  name: "recovery",
  summary: "start-up, empty and with data, and a broker that comes back after it missed writes",
  runsByDefault: true,
  async run(context) {
    const { processes, startMs } = context.cluster;
    const { findings } = context;
    if (processes === undefined) {
      findings.skip({
        workload: "recovery",
        system,
        reason: "brokers of a named cluster are not killed",
      });
      return;
    }
    findings.row(
      row("three empty brokers form a cluster", { startMs: startMs ?? 0, ...memory(processes) }),
    );
    using large = new LargeCluster(processes, { topicCount, partitionsPerTopic });
    await large.createTopics();
    await large.led();
    await fill(context, large, 0);
    await missing(context, processes, large);
    await everybody(context, processes, large);
  },
};

/** One broker is killed, misses half of the data and starts again. */
async function missing(
  context: WorkloadContext,
  processes: ProcessCluster,
  large: LargeCluster,
): Promise<void> {
  const [victim = 1] = processes.brokerIds.slice(-1);
  large.disconnect(victim);
  await processes.kill(victim);
  await large.led();
  await fill(context, large, 1);
  context.findings.progress("recovery: a broker comes back");
  const beganMs = performance.now();
  processes.spawn(victim);
  await processes.ready();
  const startMs = performance.now() - beganMs;
  await large.caughtUp();
  const seconds = (performance.now() - beganMs) / 1000;
  const { cpuMs } = processUsage(processes.pid(victim));
  context.findings.row(
    row(`a broker that missed ${sizeLabel(context)} has everything again`, {
      startMs,
      seconds,
      cpuMilliseconds: cpuMs,
    }),
  );
}

/** All brokers are killed at once and start again. */
async function everybody(
  context: WorkloadContext,
  processes: ProcessCluster,
  large: LargeCluster,
): Promise<void> {
  context.findings.progress("recovery: everybody was killed");
  for (const id of processes.brokerIds) large.disconnect(id);
  await Promise.all(processes.brokerIds.map((id) => processes.kill(id)));
  await delay(1000);
  const beganMs = performance.now();
  for (const id of processes.brokerIds) processes.spawn(id);
  await processes.ready();
  const startMs = performance.now() - beganMs;
  await large.caughtUp();
  const seconds = (performance.now() - beganMs) / 1000;
  context.findings.row(
    row(`three brokers that were killed with ${sizeLabel(context, 2)} of data`, {
      startMs,
      seconds,
      ...memory(processes),
    }),
  );
}

async function fill(context: WorkloadContext, large: LargeCluster, turn: number): Promise<void> {
  const { cluster, findings } = context;
  const bytes = bytesOf(context) / large.topics.length;
  for (const topic of large.topics) {
    findings.progress(`recovery: writing to ${topic}, ${turn === 0 ? "first" : "second"} half`);
    await fillTopic(cluster.bootstrapServers, { topic, recordBytes, bytes });
  }
}

function bytesOf({ options }: WorkloadContext): number {
  return options.quick ? quickStoredBytes : storedBytes;
}

function sizeLabel(context: WorkloadContext, times: number = 1): string {
  return `${(bytesOf(context) * times) / bytesPerMebibyte} MiB`;
}

function memory(processes: ProcessCluster): ResultRow["figures"] {
  const resident = processes.runningIds.map((id) => processUsage(processes.pid(id)).residentBytes);
  return { brokerResidentMebibytesMax: Math.max(...resident) / bytesPerMebibyte };
}

function row(label: string, figures: ResultRow["figures"]): ResultRow {
  const settings = {
    partitions: topicCount * partitionsPerTopic,
    recordBytes,
    replicationFactor: 3,
  };
  return { workload: "recovery", system, label, settings, figures, latencies: {} };
}

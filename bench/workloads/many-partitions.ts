import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@ropewalk/client";
import { LargeCluster } from "../cluster/large-cluster.ts";
import type { ProcessUsage } from "../cluster/process-usage.ts";
import type { ProcessCluster } from "../../test/cluster/process-cluster.ts";
import type { ResultRow } from "../results/result-file.ts";
import { percentileOf, sumOf } from "./load-figures.ts";
import { type Workload, type WorkloadContext, system } from "./workload.ts";

const partitionsPerTopic = 100;
const partitionCountDefault = 10_000;
const partitionCountQuick = 300;
const restartedId = 2;
/** For so long a broker that is restarted is away: the others notice. */
const downMs = 5000;
/** Until then every group sleeps that is going to. */
const settleMs = 20_000;
const idleSeconds = 60;
const idleSecondsQuick = 5;
const changeCount = 100;
const changeMsMax = 30_000;
const bytesPerMebibyte = 1024 * 1024;

interface Plan {
  readonly partitionCount: number;
  readonly idleSeconds: number;
}

/** `partitions` */
export const manyPartitionsWorkload: Workload = {
  name: "partitions",
  summary: "what many partitions cost while nothing is written to them (10,000; takes minutes)",
  runsByDefault: false,
  async run(context) {
    const { processes } = context.cluster;
    const { findings, options } = context;
    if (processes === undefined) {
      findings.skip({ workload: "partitions", system, reason: "a named cluster is not filled" });
      return;
    }
    const partitionCount =
      options.partitions?.[0] ?? (options.quick ? partitionCountQuick : partitionCountDefault);
    const plan = { partitionCount, idleSeconds: options.quick ? idleSecondsQuick : idleSeconds };
    const topicCount = Math.ceil(partitionCount / partitionsPerTopic);
    using large = new LargeCluster(processes, { topicCount, partitionsPerTopic });
    const report = (label: string, figures: ResultRow["figures"]): void =>
      findings.row(row(plan, label, figures));
    findings.progress("partitions: none yet, idle");
    report("no partitions yet", {
      brokersCpuCores: await idleCores(large, plan),
      ...memory(large),
    });
    await create(large, report);
    findings.progress("partitions: idle");
    await idle(large, plan, report);
    await change(context, large, report);
    for (const how of ["stop", "kill"] as const) {
      findings.progress(`partitions: ${how} of a broker`);
      await restart(large, processes, how, report);
    }
  },
};

type Report = (label: string, figures: ResultRow["figures"]) => void;

async function create(large: LargeCluster, report: Report): Promise<void> {
  const before = large.usages();
  const beganMs = performance.now();
  await large.createTopics();
  await large.led();
  report("created, and every partition is led", {
    seconds: (performance.now() - beganMs) / 1000,
    cpuMilliseconds: cpuMsBetween(before, large.usages()),
    elections: await large.electionCount(),
    ...memory(large),
  });
}

async function idle(large: LargeCluster, plan: Plan, report: Report): Promise<void> {
  await delay(settleMs);
  const elections = await large.electionCount();
  report(`idle for ${plan.idleSeconds} s`, {
    brokersCpuCores: await idleCores(large, plan),
    elections: (await large.electionCount()) - elections,
    ...memory(large),
  });
}

/** How many processors the brokers keep busy with nothing. */
async function idleCores(large: LargeCluster, plan: Plan): Promise<number> {
  const before = large.usages();
  await delay(plan.idleSeconds * 1000);
  return cpuMsBetween(before, large.usages()) / 1000 / plan.idleSeconds;
}

async function change(
  context: WorkloadContext,
  large: LargeCluster,
  report: Report,
): Promise<void> {
  await using client = createClient({ bootstrapServers: context.cluster.bootstrapServers });
  const admin = client.admin({ timeoutMs: changeMsMax });
  const acknowledged: number[] = [];
  const visible: number[] = [];
  for (let i = 0; i < changeCount; i++) {
    const topic = large.topics[i % large.topics.length] ?? "";
    const [name, value] = ["retention.ms", String(1_000_000 + i)];
    const beganMs = performance.now();
    const altering = admin
      .alterConfigs({ kind: "topic", name: topic }, [{ operation: "SET", name, value }])
      .then(() => acknowledged.push(performance.now() - beganMs));
    await Promise.all(
      [1, 2, 3].map(async (id) => {
        while ((await large.configOf(id, topic, name)) !== value) {
          if (performance.now() - beganMs > changeMsMax) throw new Error(`broker ${id} missed it`);
          await delay(1);
        }
      }),
    );
    visible.push(performance.now() - beganMs);
    await altering;
  }
  report(`${changeCount} changes of the metadata`, {
    p50Ms: percentileOf(acknowledged, 0.5),
    p99Ms: percentileOf(acknowledged, 0.99),
    visibleP50Ms: percentileOf(visible, 0.5),
    visibleP99Ms: percentileOf(visible, 0.99),
  });
}

async function restart(
  large: LargeCluster,
  cluster: ProcessCluster,
  how: "stop" | "kill",
  report: Report,
): Promise<void> {
  large.disconnect(restartedId);
  await cluster[how](restartedId);
  await delay(downMs);
  await large.led();
  const elections = await large.electionCount();
  const beganMs = performance.now();
  cluster.spawn(restartedId);
  await cluster.ready();
  const startMs = performance.now() - beganMs;
  await large.caughtUp();
  report(`a broker after its ${how}`, {
    startMs,
    seconds: (performance.now() - beganMs) / 1000,
    cpuMilliseconds: large.usages()[restartedId - 1]?.cpuMs ?? 0,
    elections: (await large.electionCount()) - elections,
    ...memory(large),
  });
}

function cpuMsBetween(before: readonly ProcessUsage[], after: readonly ProcessUsage[]): number {
  return sumOf(after.map(({ cpuMs }, i) => cpuMs - (before[i]?.cpuMs ?? 0)));
}

function memory(large: LargeCluster): ResultRow["figures"] {
  const mebibytes = large.usages().map(({ residentBytes }) => residentBytes / bytesPerMebibyte);
  return {
    brokersResidentMebibytes: sumOf(mebibytes),
    brokerResidentMebibytesMax: Math.max(...mebibytes),
  };
}

function row({ partitionCount }: Plan, label: string, figures: ResultRow["figures"]): ResultRow {
  const settings = { partitionCount, replicationFactor: 3 };
  return { workload: "partitions", system, label, settings, figures, latencies: {} };
}

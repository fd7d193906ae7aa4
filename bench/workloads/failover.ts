import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@ropewalk/client";
import type { ProcessCluster } from "../../test/cluster/process-cluster.ts";
import { waitFor } from "../../test/cluster/wait-for.ts";
import { runLoads } from "../load/load-runner.ts";
import { latencyFigures, percentileOf } from "./load-figures.ts";
import { baseCase, produceJob } from "./produce.ts";
import { type Workload, type WorkloadContext, system, withTopic } from "./workload.ts";

const partitionCountDefault = 1000;
const partitionCountQuick = 60;
const roundCount = 3;
const pollMs = 20;
const ledMsMax = 60_000;
/** The load that notices: a record each millisecond, over all partitions. */
const recordsPerSecond = 1000;
const loadSeconds = 12;
const killAfterMs = 2000;

type Client = ReturnType<typeof createClient>;

/** `failover` */
export const failoverWorkload: Workload = {
  name: "failover",
  summary: "a broker is killed: until its partitions are led again, and what producers notice",
  runsByDefault: true,
  async run(context) {
    const { processes } = context.cluster;
    if (processes === undefined) {
      const reason = "brokers of a named cluster are not killed";
      context.findings.skip({ workload: "failover", system, reason });
      return;
    }
    const { partitions, quick } = context.options;
    const partitionCount = partitions?.[0] ?? (quick ? partitionCountQuick : partitionCountDefault);
    await withTopic(context, partitionCount, async (topic) => {
      for (let round = 1; round <= (quick ? 1 : roundCount); round++)
        await failoverRow(context, processes, { topic, partitionCount, round });
    });
  },
};

interface Round {
  readonly topic: string;
  readonly partitionCount: number;
  readonly round: number;
}

/** A broker is killed and, once everything is led again, started again. */
async function failoverRow(
  context: WorkloadContext,
  processes: ProcessCluster,
  { partitionCount, round, topic }: Round,
): Promise<void> {
  const victim = (round % processes.brokerIds.length) + 1;
  const others = processes.addressesOf(processes.brokerIds.filter((id) => id !== victim));
  context.findings.progress(`failover: broker ${victim} of ${partitionCount} partitions`);
  await using client = createClient({ bootstrapServers: others });
  await waitFor(
    "everything is led",
    ledMsMax,
    async () => !(await leaders(client, topic)).includes(0),
  );
  const job = produceJob(context, topic, { ...baseCase, recordBytes: 100, partitionCount });
  const duration = { warmUpSeconds: 1, seconds: loadSeconds };
  const load = runLoads(
    [{ ...job, bootstrapServers: others, pace: { recordsPerSecond, partitionCount } }],
    duration,
    () => [],
  );
  load.catch(() => undefined); // It is awaited below.
  await delay(killAfterMs);
  const times = await timesWithout(client, topic, victim, () => processes.kill(victim));
  const { results } = await load;
  processes.spawn(victim);
  await processes.ready();
  context.findings.row({
    workload: "failover",
    system,
    label: `round ${round}, ${times.length} of ${partitionCount} partitions`,
    settings: { partitionCount, recordsPerSecond, acks: "all" },
    figures: {
      partitions: times.length,
      p50Ms: percentileOf(times, 0.5),
      p99Ms: percentileOf(times, 0.99),
      maxMs: percentileOf(times, 1),
      failedRecords: results[0]?.failedRecords ?? 0,
    },
    latencies: latencyFigures(...results),
  });
}

/** Milliseconds without a leader for every partition that the victim led, as the others' clients see it. */
async function timesWithout(
  client: Client,
  topic: string,
  victim: number,
  kill: () => Promise<void>,
): Promise<number[]> {
  const waiting = new Set<number>();
  for (const [partition, leaderId] of (await leaders(client, topic)).entries())
    if (leaderId === victim) waiting.add(partition);
  const beganMs = performance.now();
  const killed = kill();
  const times: number[] = [];
  while (waiting.size > 0) {
    if (performance.now() - beganMs > ledMsMax)
      throw new Error(`${waiting.size} partitions had no leader after ${ledMsMax} ms`);
    const now = await leaders(client, topic);
    const elapsedMs = performance.now() - beganMs;
    for (const partition of [...waiting]) {
      const leaderId = now[partition] ?? 0;
      if (leaderId === 0 || leaderId === victim) continue;
      waiting.delete(partition);
      times.push(elapsedMs);
    }
    await delay(pollMs);
  }
  await killed;
  return times;
}

async function leaders(client: Client, topic: string): Promise<readonly number[]> {
  const { partitions } = await client.admin().describeTopic(topic);
  return partitions.map(({ leaderId }) => leaderId);
}

import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@ropewalk/client";
import { expect, test } from "vitest";
import { ProcessCluster } from "../test/cluster/process-cluster.ts";
import { LargeCluster } from "./large-cluster.ts";
import type { ProcessUsage } from "./process-usage.ts";

/*
 * What many partitions cost while nothing is written to them: three broker processes on one machine with an ordinary
 * configuration, replication factor 3. It prints a line per figure. ROPEWALK_BENCH_PARTITIONS (10000) and
 * ROPEWALK_BENCH_TOPICS (100) say how many and in how many topics, ROPEWALK_BENCH_IDLE_SECONDS (60) for how long the
 * cluster is watched doing nothing, ROPEWALK_BENCH_CHANGES (100) how many changes of the metadata are timed.
 */

const partitionCount = setting("PARTITIONS", 10_000);
const topicCount = setting("TOPICS", 100);
const idleSeconds = setting("IDLE_SECONDS", 60);
const changeCount = setting("CHANGES", 100);
const brokerCount = 3;
const restartedId = 2;
/** For so long a broker that is restarted is away: the others notice. */
const downMs = 5000;
/** Until then every group sleeps that is going to. */
const settleMs = 20_000;
const benchMsMax = 3_600_000;
const changeMsMax = 30_000;
const bytesPerMebibyte = 1024 * 1024;

function setting(name: string, otherwise: number): number {
  return Number(process.env[`ROPEWALK_BENCH_${name}`] ?? otherwise);
}

function listed(values: readonly number[], digits: number, unit: string): string {
  return values.map((value) => `${value.toFixed(digits)} ${unit}`).join(", ");
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
}

function cpuSecondsBetween(before: readonly ProcessUsage[], after: readonly ProcessUsage[]) {
  return after.map(({ cpuMs }, i) => (cpuMs - (before[i]?.cpuMs ?? 0)) / 1000);
}

function printMemory(large: LargeCluster, when: string): void {
  const mebibytes = large.usages().map(({ residentBytes }) => residentBytes / bytesPerMebibyte);
  console.log(`resident memory of each broker ${when}: ${listed(mebibytes, 0, "MiB")}`);
}

async function create(large: LargeCluster): Promise<void> {
  const before = large.usages();
  const beganMs = performance.now();
  await large.createTopics();
  const createdMs = performance.now() - beganMs;
  await large.led();
  const ledMs = performance.now() - beganMs;
  const cpu = cpuSecondsBetween(before, large.usages());
  console.log(
    `created ${partitionCount} partitions in ${topicCount} topics after ${(createdMs / 1000).toFixed(1)} s, ` +
      `all led after ${(ledMs / 1000).toFixed(1)} s; processor time of each broker ${listed(cpu, 1, "s")}`,
  );
  const flushes = await large.sumOf("ropewalk_journal_flushes_total");
  const elections = await large.electionCount();
  console.log(`flushes of all brokers since their start: ${flushes}; elections: ${elections}`);
}

async function idle(large: LargeCluster): Promise<void> {
  await delay(settleMs);
  const awake = await large.sumOf("ropewalk_raft_groups_awake");
  const elections = await large.electionCount();
  const before = large.usages();
  await delay(idleSeconds * 1000);
  const shares = cpuSecondsBetween(before, large.usages()).map((s) => (s / idleSeconds) * 100);
  const begun = (await large.electionCount()) - elections;
  console.log(
    `idle for ${idleSeconds} s with ${awake} groups awake: ${listed(shares, 2, "%")} of a core; elections: ${begun}`,
  );
  expect(begun).toBe(0);
}

async function scrape(large: LargeCluster): Promise<void> {
  const scrapes = 10;
  const before = large.usages();
  for (let i = 0; i < scrapes; i++) await large.sumOf("ropewalk_ready");
  const cpu = cpuSecondsBetween(before, large.usages()).map((s) => (s * 1000) / scrapes);
  console.log(`one look at the metrics takes each broker ${listed(cpu, 0, "ms")} of a core`);
}

/** How long a change took, in milliseconds since somebody asked for it. */
interface ChangeTimes {
  readonly acknowledged: number;
  /** Until every broker answered with it. */
  readonly visible: number;
}

async function changeVisible(
  large: LargeCluster,
  admin: ReturnType<ReturnType<typeof createClient>["admin"]>,
  number: number,
): Promise<ChangeTimes> {
  const topic = large.topics[number % topicCount] ?? "";
  const name = "retention.ms";
  const value = String(1_000_000 + number);
  const beganMs = performance.now();
  const altering = admin
    .alterConfigs({ kind: "topic", name: topic }, [{ operation: "SET", name, value }])
    .then(() => performance.now() - beganMs);
  const seenBy = async (id: number): Promise<void> => {
    while ((await large.configOf(id, topic, name)) !== value) {
      if (performance.now() - beganMs > changeMsMax) throw new Error(`broker ${id} missed it`);
      await delay(1);
    }
  };
  await Promise.all(Array.from({ length: brokerCount }, (_, i) => seenBy(i + 1)));
  const visible = performance.now() - beganMs;
  return { visible, acknowledged: await altering };
}

async function change(large: LargeCluster, cluster: ProcessCluster): Promise<void> {
  await using client = createClient({ bootstrapServers: cluster.bootstrapServers });
  const admin = client.admin({ timeoutMs: changeMsMax });
  const times: ChangeTimes[] = [];
  for (let i = 0; i < changeCount; i++) times.push(await changeVisible(large, admin, i));
  const distribution = (values: readonly number[]): string =>
    [0.5, 0.99, 1].map((share) => percentile(values, share).toFixed(1)).join(" / ");
  console.log(
    `p50 / p99 / all of ${changeCount} changes of the metadata: acknowledged after ` +
      `${distribution(times.map(({ acknowledged }) => acknowledged))} ms, visible on all brokers after ` +
      `${distribution(times.map(({ visible }) => visible))} ms`,
  );
}

async function restart(
  large: LargeCluster,
  cluster: ProcessCluster,
  how: "stop" | "kill",
): Promise<void> {
  const stoppingMs = performance.now();
  large.disconnect(restartedId);
  await cluster[how](restartedId);
  const stoppedMs = performance.now() - stoppingMs;
  await delay(downMs);
  await large.led();
  const elections = await large.electionCount();
  const beganMs = performance.now();
  cluster.spawn(restartedId);
  await cluster.ready();
  const readyMs = performance.now() - beganMs;
  await large.caughtUp();
  const caughtUpMs = performance.now() - beganMs;
  const cpu = (large.usages()[restartedId - 1]?.cpuMs ?? 0) / 1000;
  const begun = (await large.electionCount()) - elections;
  console.log(
    `${how} of broker ${restartedId} took ${(stoppedMs / 1000).toFixed(1)} s; ${downMs / 1000} s later, from its start to ready ${(readyMs / 1000).toFixed(1)} s, ` +
      `to caught up ${(caughtUpMs / 1000).toFixed(1)} s, with ${cpu.toFixed(1)} s of processor time; elections: ${begun}`,
  );
}

test("many partitions", { timeout: benchMsMax }, async () => {
  await using cluster = await ProcessCluster.start(brokerCount);
  const partitionsPerTopic = Math.ceil(partitionCount / topicCount);
  using large = new LargeCluster(cluster, { topicCount, partitionsPerTopic });
  printMemory(large, "without partitions");
  await create(large);
  printMemory(large, "after the creation");
  await idle(large);
  printMemory(large, "after the idle time");
  await change(large, cluster);
  await scrape(large);
  await restart(large, cluster, "stop");
  await delay(settleMs);
  await restart(large, cluster, "kill");
  printMemory(large, "at the end");
});

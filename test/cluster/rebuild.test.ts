import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { metricOf } from "./metric-of.ts";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { SeededRandom, testSeed } from "./seeded-random.ts";
import { waitFor } from "./wait-for.ts";

const topic = "stream";
const partitionCount = 2;
const rebuiltMs = 60_000;
const killCount = 5;

async function createTopic(bootstrapServers: readonly string[], ...configs: string[]) {
  const flags = configs.flatMap((config) => ["-c", config]);
  const args = ["topic", "create", topic, "-p", String(partitionCount), "-r", "3", ...flags];
  const { status, stderr } = await ropewalk(args, { bootstrapServers });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
}

async function untilMetric(
  cluster: ProcessCluster,
  id: number,
  name: string,
  matches: (value: number) => boolean,
): Promise<void> {
  const what = (): string => `broker ${id} says so by ${name}; its log:\n${cluster.log(id)}`;
  await waitFor(what, rebuiltMs, async () => matches(await metricOf(cluster, id, name)));
}

function startCount(log: string): number {
  return log.split("The log was recovered").length;
}

/** Reads everything that is left: every record from the first one on, once, in order. */
async function expectRest(bootstrapServers: readonly string[], recordCount: number) {
  const args = ["consume", topic, "--from-beginning", "-e", "-f", "%p %o %s\\n"];
  const { status, stdout, stderr } = await ropewalk(args, { bootstrapServers });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const starts = new Map<number, number>();
  const next = new Map<number, number>();
  for (const line of stdout.toString().trimEnd().split("\n")) {
    const [partition = -1, offset = -1, number] = line
      .replace("record ", "")
      .split(" ")
      .map(Number);
    if (!starts.has(partition)) starts.set(partition, offset);
    expect([line, number, offset]).toEqual([
      line,
      offset * partitionCount + partition,
      next.get(partition) ?? offset,
    ]);
    next.set(partition, offset + 1);
  }
  expect(Math.max(...next.values())).toBe(Math.ceil(recordCount / partitionCount));
  return [...starts.values()];
}

test("a broker whose journal was damaged while it was down is repaired, while a stream goes on", async () => {
  await using cluster = await ProcessCluster.start(3);
  const { bootstrapServers } = cluster;
  await createTopic(bootstrapServers);
  await using stream = new NumberedStream(bootstrapServers, topic, partitionCount);
  const running = stream.run();
  await waitFor("a part is acknowledged", 30_000, () => stream.acknowledgedCount > 2000);
  await cluster.kill(3);
  const directory = join(cluster.dataDirectory(3), "log");
  const [name = ""] = readdirSync(directory).filter((each) => each.endsWith(".log"));
  const bytes = readFileSync(join(directory, name));
  bytes.fill(0xa5, 20_000, 60_000);
  writeFileSync(join(directory, name), bytes);
  cluster.spawn(3);
  await cluster.ready();
  await untilMetric(cluster, 3, "ropewalk_replicas_repaired_total", (value) => value >= 1);
  await untilMetric(cluster, 3, "ropewalk_replicas_absent", (value) => value === 0);
  expect(cluster.log(3)).toContain("quarantined");
  // It is a part of the majority again.
  await cluster.kill(1);
  const { acknowledgedCount } = stream;
  await waitFor(
    "more is acknowledged",
    30_000,
    () => stream.acknowledgedCount > acknowledgedCount + 500,
  );
  stream.stop();
  await running;
  await stream.expectWhole(bootstrapServers);
});

test("a broker that is killed again and again while it takes in snapshots has everything in the end", async () => {
  const seed = testSeed();
  const random = new SeededRandom(seed);
  console.info(`seed ${seed}; again with ROPEWALK_TEST_SEED=${seed}`);
  await using cluster = await ProcessCluster.start(3, "smallLog");
  const { bootstrapServers } = cluster;
  await createTopic(bootstrapServers, "segment.ms=1");
  await using stream = new NumberedStream(bootstrapServers, topic, partitionCount, 60_000);
  await cluster.kill(3);
  await stream.run();
  for (let partition = 0; partition < partitionCount; partition++) {
    const args = ["topic", "delete-records", topic, "-p", String(partition), "--before", "10000"];
    const { status, stderr } = await ropewalk(args, { bootstrapServers });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  }
  for (let kill = 0; kill < killCount; kill++) {
    const starts = startCount(cluster.log(3));
    cluster.spawn(3);
    await waitFor("broker 3 starts", 30_000, () => startCount(cluster.log(3)) > starts);
    await delay(random.integer(500)); // Before, during or after an installation.
    await cluster.kill(3);
  }
  cluster.spawn(3);
  await cluster.ready();
  for (let partition = 0; partition < partitionCount; partition++) {
    const name = `ropewalk_partition_high_watermark{topic="${topic}",partition="${partition}"}`;
    const highWatermark = await metricOf(cluster, 1, name);
    expect(highWatermark).toBe(stream.recordCount / partitionCount);
    await untilMetric(cluster, 3, name, (value) => value === highWatermark);
  }
  // The second where it was killed when the log was there and the state beside it was not.
  expect(cluster.log(3)).toMatch(/took the place of a replica's log|rebuilt from images/);
  const before = await expectRest(bootstrapServers, stream.recordCount);
  // What the others have is not needed to read it all.
  await cluster.kill(1);
  expect(await expectRest(bootstrapServers, stream.recordCount)).toEqual(before);
});

import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fetchService, type PartitionDescription, topicService } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { GrpcCaller } from "./grpc-caller.ts";
import { metricOf } from "./metric-of.ts";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

const topic = "stream";
const partitionCount = 3;
const deadlineMs = 60_000;

/** Runs a command that must end well; answers what it printed. */
async function run(bootstrapServers: readonly string[], ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await ropewalk(args, { bootstrapServers });
  expect({ args, status, stderr: status === 0 ? "" : stderr }).toEqual({
    args,
    status: 0,
    stderr: "",
  });
  return stdout.toString();
}

async function createTopic(bootstrapServers: readonly string[], replicas: number): Promise<void> {
  const args = ["topic", "create", topic, "-p", String(partitionCount), "-r", String(replicas)];
  await run(bootstrapServers, ...args, "-c", "segment.ms=100");
}

async function partitionsOf(cluster: ProcessCluster): Promise<readonly PartitionDescription[]> {
  using caller = new GrpcCaller(`127.0.0.1:${cluster.clientPort(1)}`);
  const answer = await caller.call(topicService.describeTopic, { name: topic });
  return answer.topic?.partitions ?? [];
}

/** A checksum of all that a replica serves of a partition, and where that ends. */
async function contentOf(port: number, partition: number): Promise<string> {
  using caller = new GrpcCaller(`127.0.0.1:${port}`);
  const hash = createHash("sha256");
  for (let offset = 0; ;) {
    const start = { at: { case: "offset", value: offset } } as const;
    const request = { topic, partition, start, anyReplica: true };
    const { highWatermark, nextOffset, recordBatches } = await caller.call(
      fetchService.fetch,
      request,
    );
    hash.update(recordBatches);
    if (nextOffset >= highWatermark) return `${nextOffset} ${hash.digest("hex")}`;
    offset = nextOffset;
  }
}

/** All replicas have the same bytes, and those of `recordCount` records together. */
async function expectIdentical(cluster: ProcessCluster, recordCount: number): Promise<void> {
  let total = 0;
  for (const { partition, replicaIds } of await partitionsOf(cluster)) {
    const contents = (): Promise<string[]> =>
      Promise.all(replicaIds.map((id) => contentOf(cluster.clientPort(id), partition)));
    await waitFor(
      `the replicas ${replicaIds.join(", ")} of partition ${partition} are the same`,
      deadlineMs,
      async () =>
        new Set(await contents().catch((error: unknown) => [String(error), ""])).size === 1,
    );
    total += Number((await contents())[0]?.split(" ")[0]);
  }
  expect(total).toBe(recordCount);
}

/** No broker holds replicas that it should not have, nor segments of them. */
async function expectNothingLeft(cluster: ProcessCluster): Promise<void> {
  const partitions = await partitionsOf(cluster);
  for (const id of cluster.brokerIds) {
    const held = partitions.filter(({ replicaIds }) => replicaIds.includes(id));
    // Group ids are given out from 2 on; this is the first topic.
    const isStray = (name: string): boolean => {
      const groupId = Number(/^segment-(\d+)\./.exec(name)?.[1] ?? 0);
      return groupId > 1 && !held.some(({ partition }) => partition + 2 === groupId);
    };
    await waitFor(`broker ${id} has ${held.length} replicas and no more`, deadlineMs, async () => {
      const replicas = await metricOf(cluster, id, "ropewalk_replicas");
      const names = readdirSync(join(cluster.dataDirectory(id), "log"));
      return replicas === held.length && !names.some((name) => isStray(name));
    });
  }
}

/** Brokers 1 to 3 run; the fourth may come. */
async function startThreeOfFour(): Promise<ProcessCluster> {
  const cluster = await ProcessCluster.prepare(4, "smallLog");
  for (const id of [1, 2, 3]) cluster.spawn(id);
  await cluster.ready();
  return cluster;
}

async function untilAcknowledged(stream: NumberedStream, more: number): Promise<void> {
  const wanted = stream.acknowledgedCount + more;
  await waitFor("more is acknowledged", deadlineMs, () => stream.acknowledgedCount >= wanted);
}

test("a fourth broker takes its share under load, and a partition goes there and back half-way", async () => {
  await using cluster = await startThreeOfFour();
  const bootstrapServers = cluster.bootstrapServers.slice(0, 3);
  await createTopic(bootstrapServers, 3);
  await using stream = new NumberedStream(bootstrapServers, topic, partitionCount);
  const running = stream.run();
  await untilAcknowledged(stream, 5000);
  cluster.spawn(4);
  await cluster.ready();
  const planned = await run(bootstrapServers, "partitions", "reassign", "--auto", "--dry-run");
  expect(planned).toMatch(/would move [23] partitions/);
  await run(bootstrapServers, "partitions", "reassign", "--auto", "--wait");
  expect(await run(bootstrapServers, "partitions", "list-reassignments")).toMatch(/^nothing moves/);
  const counts = [1, 2, 3, 4].map(() => 0);
  for (const { replicaIds } of await partitionsOf(cluster)) {
    expect(replicaIds).toHaveLength(3);
    for (const id of replicaIds) counts[id - 1] = (counts[id - 1] ?? 0) + 1;
  }
  expect(counts.toSorted((a, b) => a - b)).toEqual([2, 2, 2, 3]);
  await untilAcknowledged(stream, 1000);

  const [before] = await partitionsOf(cluster);
  const replicaIds = before?.replicaIds ?? [];
  const outsider = [1, 2, 3, 4].find((id) => !replicaIds.includes(id)) ?? 0;
  const target = [outsider, ...replicaIds.slice(1)].join(",");
  const move = ["partitions", "reassign", "-t", topic, "-p", "0", "-r", target];
  // So slow that it cannot end by itself.
  await run(bootstrapServers, ...move, "--throttle", "0.07");
  const list = (): Promise<string> => run(bootstrapServers, "partitions", "list-reassignments");
  await waitFor("it copies", deadlineMs, async () => (await list()).includes("copying"));
  await run(bootstrapServers, "partitions", "cancel", "--all");
  await waitFor("it is back", deadlineMs, async () => (await list()).startsWith("nothing moves"));
  expect((await partitionsOf(cluster))[0]?.replicaIds).toEqual(replicaIds);
  await untilAcknowledged(stream, 1000);
  stream.stop();
  await running;
  await stream.expectWhole(bootstrapServers);
  await expectIdentical(cluster, stream.recordCount);
  await expectNothingLeft(cluster);
});

test("the replication factor goes from 1 to 3 and to 2 under load, and a broker may be killed meanwhile", async () => {
  await using cluster = await ProcessCluster.start(3, "smallLog");
  const { bootstrapServers } = cluster;
  await createTopic(bootstrapServers, 1);
  await using stream = new NumberedStream(bootstrapServers, topic, partitionCount);
  const running = stream.run();
  await untilAcknowledged(stream, 3000);
  const place = async (partition: number, replicas: readonly number[]): Promise<void> => {
    const where = ["-t", topic, "-p", String(partition), "-r", replicas.join(",")];
    await run(bootstrapServers, "partitions", "reassign", ...where, "--wait");
  };
  const rotated = (partition: number): number[] =>
    [0, 1, 2].map((at) => ((at + partition) % 3) + 1);
  for (let partition = 0; partition < partitionCount; partition++) {
    await place(partition, rotated(partition));
  }
  await cluster.kill(3);
  await untilAcknowledged(stream, 1000);
  cluster.spawn(3);
  await cluster.ready();
  for (let partition = 0; partition < partitionCount; partition++) {
    await place(partition, rotated(partition).slice(1));
  }
  await untilAcknowledged(stream, 1000);
  stream.stop();
  await running;
  for (const { replicaIds } of await partitionsOf(cluster)) expect(replicaIds).toHaveLength(2);
  await stream.expectWhole(bootstrapServers);
  await expectIdentical(cluster, stream.recordCount);
  await expectNothingLeft(cluster);
});

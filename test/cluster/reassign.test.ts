import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  createTopic,
  expectIdentical,
  expectNothingLeft,
  partitionCount,
  partitionsOf,
  run,
  topic,
} from "./moving-replicas.ts";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { SeededRandom, testSeed } from "./seeded-random.ts";
import { waitFor } from "./wait-for.ts";

const deadlineMs = 60_000;
const roundCount = Number(process.env["ROPEWALK_TEST_ROUNDS"] ?? 6);

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

test("brokers are killed while partitions move, change their minds and go back, and nothing is lost", async () => {
  const seed = testSeed();
  const random = new SeededRandom(seed);
  console.info(`seed ${seed}; again with ROPEWALK_TEST_SEED=${seed}`);
  await using cluster = await ProcessCluster.start(5, "smallLog");
  const { bootstrapServers, brokerIds } = cluster;
  await createTopic(bootstrapServers, 3);
  await using stream = new NumberedStream(bootstrapServers, topic, partitionCount);
  const running = stream.run();
  for (let round = 0; round < roundCount; round++) {
    await untilAcknowledged(stream, 1000);
    for (let partition = 0; partition < partitionCount; partition++) {
      const dealt = brokerIds.map((id) => ({ id, at: random.integer(1000) }));
      const ids = dealt.toSorted((a, b) => a.at - b.at).map(({ id }) => id);
      ids.length = 2 + random.integer(2);
      const where = ["-t", topic, "-p", String(partition), "-r", ids.join(",")];
      await run(bootstrapServers, "partitions", "reassign", ...where);
    }
    await delay(random.integer(600)); // Before, during or after the moves.
    const killed = brokerIds[random.integer(brokerIds.length)] ?? 1;
    await cluster.kill(killed);
    if (random.integer(2) === 0) await run(bootstrapServers, "partitions", "cancel", "--all");
    cluster.spawn(killed);
    await cluster.ready();
  }
  const list = (): Promise<string> => run(bootstrapServers, "partitions", "list-reassignments");
  await waitFor("all moves end", deadlineMs, async () =>
    (await list()).startsWith("nothing moves"),
  );
  await untilAcknowledged(stream, 1000);
  stream.stop();
  await running;
  await stream.expectWhole(bootstrapServers);
  await expectIdentical(cluster, stream.recordCount);
  await expectNothingLeft(cluster);
});

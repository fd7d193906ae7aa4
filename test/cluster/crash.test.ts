import { describe, expect, test } from "vitest";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

const partitionCount = 6;
const recordCount = 200_000;
const rounds = 3;

async function createTopic(bootstrapServers: readonly string[], topic: string): Promise<void> {
  const args = ["topic", "create", topic, "-p", String(partitionCount), "-r", "3"];
  const { status, stderr } = await ropewalk(args, { bootstrapServers });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
}

async function leaderOf(bootstrapServers: readonly string[], topic: string): Promise<number> {
  const args = ["topic", "describe", topic, "--format", "json"];
  const { stdout } = await ropewalk(args, { bootstrapServers });
  const described: unknown = JSON.parse(stdout.toString());
  const leaders = JSON.stringify(described).match(/"leader(?:Id)?":(\d+)/);
  return Number(leaders?.[1]);
}

describe("a cluster of three processes", () => {
  test.each(Array.from({ length: rounds }, (_, round) => round))(
    "loses its leader by kill -9 in the middle of a stream, and no record (round %i)",
    async (round) => {
      await using cluster = await ProcessCluster.start(3);
      const { bootstrapServers } = cluster;
      await createTopic(bootstrapServers, "stream");
      await using stream = new NumberedStream(
        bootstrapServers,
        "stream",
        partitionCount,
        recordCount,
      );
      const victim = await leaderOf(bootstrapServers, "stream");
      const running = stream.run();
      const killAfter = (recordCount / (rounds + 1)) * (round + 1);
      await waitFor(`${killAfter} records are acknowledged`, 30_000, () => {
        return stream.acknowledgedCount >= killAfter;
      });
      await cluster.kill(victim);
      expect(stream.acknowledgedCount).toBeLessThan(recordCount);
      await running;
      await stream.expectWhole(bootstrapServers);
      cluster.spawn(victim);
      await cluster.ready();
      await stream.expectWhole(bootstrapServers);
    },
  );

  test("has every acknowledged record after all brokers were killed at once and started again", async () => {
    await using cluster = await ProcessCluster.start(3);
    const { bootstrapServers } = cluster;
    await createTopic(bootstrapServers, "stream");
    await using stream = new NumberedStream(
      bootstrapServers,
      "stream",
      partitionCount,
      recordCount,
    );
    const running = stream.run();
    await waitFor(
      "a part is acknowledged",
      30_000,
      () => stream.acknowledgedCount > recordCount / 3,
    );
    await Promise.all(cluster.brokerIds.map((id) => cluster.kill(id)));
    expect(stream.acknowledgedCount).toBeLessThan(recordCount);
    for (const id of cluster.brokerIds) cluster.spawn(id);
    await cluster.ready();
    await running;
    await stream.expectWhole(bootstrapServers);
  });
});

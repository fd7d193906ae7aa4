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
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

const deadlineMs = 60_000;

test("ropewalk topic alter --replication-factor gives a topic more and fewer replicas under load", async () => {
  await using cluster = await ProcessCluster.start(3, "smallLog");
  const { bootstrapServers } = cluster;
  await createTopic(bootstrapServers, 1);
  await using stream = new NumberedStream(bootstrapServers, topic, partitionCount);
  const running = stream.run();
  const alter = (count: number, ...flags: string[]): Promise<string> =>
    run(bootstrapServers, "topic", "alter", topic, "--replication-factor", String(count), ...flags);
  const untilMore = async (): Promise<void> => {
    const before = stream.acknowledgedCount;
    await waitFor(
      "more is acknowledged",
      deadlineMs,
      () => stream.acknowledgedCount > before + 500,
    );
  };
  await untilMore();
  expect(await alter(3, "--dry-run")).toContain("would give 3 partitions 3 replicas");
  for (const { replicaIds } of await partitionsOf(cluster)) expect(replicaIds).toHaveLength(1);
  for (const count of [3, 2]) {
    await alter(count, "--wait");
    for (const { replicaIds } of await partitionsOf(cluster))
      expect(replicaIds).toHaveLength(count);
    await untilMore();
  }
  expect(await alter(2)).toContain("has 2 replicas already");
  const refused = await ropewalk(["topic", "alter", topic, "--replication-factor", "4"], {
    bootstrapServers,
  });
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain("1 to 3 are possible");
  stream.stop();
  await running;
  await stream.expectWhole(bootstrapServers);
  await expectIdentical(cluster, stream.recordCount);
  await expectNothingLeft(cluster);
});

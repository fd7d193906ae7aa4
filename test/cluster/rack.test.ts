import { createClient } from "@ropewalk/client";
import { expect, test } from "vitest";
import { metricOf } from "./metric-of.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

const partitionCount = 3;
const deadlineMs = 60_000;
const nearId = 3;

async function racked(): Promise<ProcessCluster> {
  const cluster = await ProcessCluster.prepare(3);
  for (const id of cluster.brokerIds) {
    cluster.change(id, { rack: `rack-${id}` });
    cluster.spawn(id);
  }
  await cluster.ready();
  return cluster;
}

function fetchedFrom(cluster: ProcessCluster, id: number): Promise<number> {
  return metricOf(cluster, id, "ropewalk_fetch_bytes_total");
}

test("a consumer reads from the replica in its rack, from leaders while that is away, and from it again", async () => {
  await using cluster = await racked();
  const { bootstrapServers } = cluster;
  const create = ["topic", "create", "near", "-p", String(partitionCount), "-r", "3"];
  expect(await ropewalk(create, { bootstrapServers })).toMatchObject({ status: 0 });
  await using writer = createClient({ bootstrapServers });
  const producer = writer.producer();
  await using reader = createClient({ bootstrapServers, rack: `rack-${nearId}` });
  const consumer = reader.consumer({ topic: "near" });

  const next = Array.from({ length: partitionCount }, () => 0);
  let seen = 0;
  const reading = (async () => {
    for await (const { offset, partition } of consumer) {
      expect(offset).toBe(next[partition]); // Without gap and repetition, whoever it comes from.
      next[partition] = offset + 1;
      seen += 1;
    }
  })();
  let written = 0;
  const pass = async (): Promise<void> => {
    for (let count = 0; count < 3 * partitionCount; count += 1) {
      await producer.send({
        topic: "near",
        partition: count % partitionCount,
        value: "x".repeat(100),
      });
      written += 1;
    }
    await waitFor(
      () => `${written} records are read, not ${seen}`,
      deadlineMs,
      () => seen === written,
    );
  };

  await pass();
  expect(await fetchedFrom(cluster, 1)).toBe(0);
  expect(await fetchedFrom(cluster, 2)).toBe(0);
  expect(await fetchedFrom(cluster, nearId)).toBeGreaterThan(written * 100);

  await cluster.kill(nearId);
  await pass();
  cluster.spawn(nearId);
  await cluster.ready();
  await waitFor("its rack's replica is read again", deadlineMs, async () => {
    await pass();
    return (await fetchedFrom(cluster, nearId)) > 0;
  });
  await consumer.close();
  await reading;
});

test("consume --rack and --exit-at-end reads all that was acknowledged, though a follower may know of less", async () => {
  await using cluster = await racked();
  const { bootstrapServers } = cluster;
  const create = ["topic", "create", "near", "-p", "1", "-r", "3"];
  expect(await ropewalk(create, { bootstrapServers })).toMatchObject({ status: 0 });
  for (let round = 1; round <= 5; round += 1) {
    const input = "one\ntwo\n";
    expect(await ropewalk(["produce", "near"], { bootstrapServers, input })).toMatchObject({
      status: 0,
    });
    const args = ["consume", "near", "--from-beginning", "-e", "--rack", "rack-2"];
    const { stdout } = await ropewalk(args, { bootstrapServers });
    expect(stdout.toString()).toBe(input.repeat(round));
  }
});

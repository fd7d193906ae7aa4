import { expect, test } from "vitest";
import { BrokerTrio } from "../../fakes/broker-trio.ts";

const topic = "stream";

/** A partition whose leader has let go what broker 3 lacks, which is stopped. */
async function trioWithLaggard(): Promise<{ trio: BrokerTrio; partition: number }> {
  const trio = await BrokerTrio.start();
  await trio.createTopic(topic);
  const partition = await trio.partitionOf(topic, 3);
  await trio.produce(topic, partition, 5);
  await trio.stop(3);
  const endOffset = await trio.produce(topic, partition, 80);
  await trio.deleteRecords(topic, partition, endOffset - 20);
  await trio.produce(topic, partition, 40);
  return { trio, partition };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 20_000 }).toBe(true);
}

test("a replica that lags behind its leader's history takes in a snapshot, and can lead", async () => {
  const { trio, partition } = await trioWithLaggard();
  await using _ = trio;
  const before = await trio.read(topic, partition);
  await trio.start(3);
  await until(async () => (await trio.metric(3, "ropewalk_snapshots_installed_total")) >= 1);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_absent")) === 0);
  expect(await trio.read(topic, partition)).toEqual(before);
  // It counts towards a majority.
  await trio.stop(await trio.leaderOf(topic, partition));
  await trio.produce(topic, partition, 1);
  await trio.startAll();
  await trio.lead(topic, partition, 3);
  expect((await trio.read(topic, partition)).slice(0, before.length)).toEqual(before);
}, 60_000);

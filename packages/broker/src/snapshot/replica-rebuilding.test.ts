import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { groupService, topicService } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { BrokerTrio } from "../../fakes/broker-trio.ts";
import { groupsTopic } from "../group/group-router.ts";

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

test("an installation whose source stops is given up, and the next leader's snapshot is taken in", async () => {
  const { trio, partition } = await trioWithLaggard();
  await using _ = trio;
  const before = await trio.read(topic, partition);
  const release = trio.holdSegments(3);
  await trio.start(3);
  await until(async () => trio.heldCount > 0);
  expect(await trio.metric(3, "ropewalk_replicas_absent")).toBe(1);
  const source = await trio.leaderOf(topic, partition);
  await trio.stop(source);
  release();
  await until(async () => (await trio.metric(3, "ropewalk_snapshots_installed_total")) >= 1);
  expect(await trio.metric(3, "ropewalk_snapshots_failed_total")).toBeGreaterThanOrEqual(1);
  await trio.produce(topic, partition, 1);
  expect((await trio.read(topic, partition)).slice(0, before.length)).toEqual(before);
}, 60_000);

test("a broker that stops during an installation has the replica that it had, and goes on after the start", async () => {
  const { trio, partition } = await trioWithLaggard();
  await using _ = trio;
  const before = await trio.read(topic, partition);
  const release = trio.holdSegments(3);
  await trio.start(3);
  await until(async () => trio.heldCount > 0);
  const stopped = trio.stop(3);
  release();
  await stopped;
  await trio.start(3);
  await until(async () => (await trio.metric(3, "ropewalk_snapshots_installed_total")) >= 1);
  await trio.lead(topic, partition, 3);
  expect((await trio.read(topic, partition)).slice(0, before.length)).toEqual(before);
}, 60_000);

test("a topic that is deleted during an installation is gone afterwards", async () => {
  const { trio } = await trioWithLaggard();
  await using _ = trio;
  const release = trio.holdSegments(3);
  await trio.start(3);
  await until(async () => trio.heldCount > 0);
  await trio.callAny(topicService.deleteTopic, { name: topic });
  await until(async () => (await trio.metric(3, "ropewalk_replicas_absent")) === 0);
  release();
  await until(async () => (await trio.metric(3, "ropewalk_snapshots_failed_total")) === 1);
  expect(await trio.metric(3, "ropewalk_replicas")).toBe(0);
  await trio.stop(3);
  await trio.start(3);
  expect(await trio.metric(3, "ropewalk_replicas")).toBe(0);
  expect(readdirSync(trio.logDirectory(3)).filter((name) => name.startsWith("segment-"))).toEqual(
    [],
  );
}, 60_000);

test("what consumer groups committed comes with a snapshot, too", async () => {
  await using trio = await BrokerTrio.start();
  await trio.createTopic(topic);
  const groupIds = Array.from({ length: 30 }, (_, each) => `group ${each}`);
  const commit = async (offset: number): Promise<void> => {
    const offsets = [{ topic, partition: 0, offset, metadata: "" }];
    const requests = groupIds.map((groupId) => ({ groupId, memberEpoch: -1, offsets }));
    await Promise.all(requests.map((each) => trio.callAny(groupService.commitOffsets, each)));
  };
  await commit(0);
  await trio.stop(3);
  for (let round = 1; round <= 8; round++) {
    await commit(round);
    await trio.produce(topic, 0, 20); // Pushes what was committed out of the journal.
  }
  await trio.start(3);
  await until(async () => (await trio.metric(3, "ropewalk_snapshots_installed_total")) >= 3);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_absent")) === 0);
  await trio.lead(groupsTopic, await trio.partitionOf(groupsTopic, 3), 3);
  for (const groupId of groupIds) {
    const { offsets } = await trio.callAny(groupService.fetchOffsets, { groupId });
    expect(offsets).toMatchObject([{ topic, partition: 0, offset: 8 }]);
  }
}, 60_000);

/** Damages every file of a kind that has this in it, in the middle of it. */
function damage(directory: string, prefix: string, content: string): number {
  let count = 0;
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(directory, name);
    const bytes = readFileSync(path);
    const at = bytes.indexOf(content);
    if (at === -1) continue;
    bytes[at + 5000] = (bytes[at + 5000] ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
    count += 1;
  }
  return count;
}

test("a replica whose journal is damaged is quarantined, repaired from the leader, and can lead", async () => {
  await using trio = await BrokerTrio.start();
  await trio.createTopic(topic);
  const partition = await trio.partitionOf(topic, 3);
  await trio.produce(topic, partition, 30);
  const before = await trio.read(topic, partition);
  await trio.stop(3);
  expect(damage(trio.logDirectory(3), "journal-", `${partition}/29 `)).toBeGreaterThan(0);
  await trio.start(3);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_repaired_total")) >= 1);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_absent")) === 0);
  await trio.stop(await otherThan(trio, partition, 3));
  await trio.produce(topic, partition, 1);
  await trio.startAll();
  await trio.lead(topic, partition, 3);
  expect((await trio.read(topic, partition)).slice(0, before.length)).toEqual(before);
}, 60_000);

test("a broker whose journal is damaged all over repairs the metadata's log first, then all others", async () => {
  await using trio = await BrokerTrio.start();
  await trio.createTopic(topic);
  const partition = await trio.partitionOf(topic, 3);
  await trio.produce(topic, partition, 30);
  const before = await trio.read(topic, partition);
  await trio.stop(3);
  const directory = trio.logDirectory(3);
  for (const name of readdirSync(directory).filter((each) => each.startsWith("journal-"))) {
    const bytes = readFileSync(join(directory, name));
    for (let at = 4096; at < bytes.length; at += 64) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    writeFileSync(join(directory, name), bytes);
  }
  await trio.start(3);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_repaired_total")) >= 3);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_absent")) === 0);
  expect(await trio.metric(3, "ropewalk_replicas")).toBe(3);
  // The controller's group needs it, too.
  await trio.stop(1);
  await trio.createTopic("another");
  await trio.startAll();
  await trio.lead(topic, partition, 3);
  expect((await trio.read(topic, partition)).slice(0, before.length)).toEqual(before);
}, 60_000);

test("a replica that lost its state, and whose image is damaged, is rebuilt from its leader", async () => {
  await using trio = await BrokerTrio.start();
  await trio.createTopic(topic);
  const partition = await trio.partitionOf(topic, 3);
  const endOffset = await trio.produce(topic, partition, 80);
  await trio.deleteRecords(topic, partition, endOffset - 20);
  await trio.produce(topic, partition, 40);
  const before = await trio.read(topic, partition);
  const directory = trio.logDirectory(3);
  const images = (): string[] => readdirSync(directory).filter((name) => name.startsWith("image-"));
  await expect.poll(() => images().length).toBeGreaterThan(0);
  await trio.stop(3);
  for (const name of images()) writeFileSync(join(directory, name), "no image");
  rmSync(join(directory, "..", "state"), { recursive: true });
  await trio.start(3);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_repaired_total")) >= 1);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_absent")) === 0);
  await trio.lead(topic, partition, 3);
  expect((await trio.read(topic, partition)).slice(0, before.length)).toEqual(before);
}, 60_000);

test("a damaged replica stays out where the others are no majority", async () => {
  await using trio = await BrokerTrio.start();
  const pair = { name: "pair", partitionCount: 3, replicationFactor: 2 };
  await trio.callAny(topicService.createTopic, pair);
  for (const partition of [0, 1, 2]) await trio.produce("pair", partition, 3);
  const replicas = await trio.metric(3, "ropewalk_replicas");
  await trio.stop(3);
  const damaged = [0, 1, 2].map((partition) =>
    damage(trio.logDirectory(3), "journal-", `${partition}/2 `),
  );
  const count = damaged.filter((files) => files > 0).length;
  expect(count).toBe(replicas);
  await trio.start(3);
  expect(await trio.metric(3, "ropewalk_replicas_absent")).toBe(count);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_absent")) === count);
  expect(await trio.metric(3, "ropewalk_replicas")).toBe(0);
  expect(await trio.metric(3, "ropewalk_replicas_repaired_total")).toBe(0);
}, 60_000);

test("a replica whose segment turns out to be damaged when it is read is repaired, and can lead again", async () => {
  await using trio = await BrokerTrio.start();
  await trio.createTopic(topic);
  const partition = await trio.partitionOf(topic, 3);
  await trio.produce(topic, partition, 60);
  const before = await trio.read(topic, partition);
  // What else there is takes less, so that the first record is among what was moved.
  const movedBytes = (): Promise<number> => trio.metric(3, "ropewalk_segments_moved_bytes_total");
  await until(async () => (await movedBytes()) > 64 * 1024);
  await trio.stop(3);
  expect(damage(trio.logDirectory(3), "segment-", `${partition}/0 `)).toBeGreaterThan(0);
  await trio.start(3);
  await trio.lead(topic, partition, 3);
  // Reading finds the damage; another broker leads and answers.
  expect((await trio.read(topic, partition)).slice(0, before.length)).toEqual(before);
  await until(async () => (await trio.metric(3, "ropewalk_replicas_repaired_total")) >= 1);
  await trio.lead(topic, partition, 3);
  expect((await trio.read(topic, partition)).slice(0, before.length)).toEqual(before);
  expect(await trio.metric(3, "ropewalk_replicas_repaired_total")).toBe(0); // Since the start.
}, 60_000);

async function otherThan(trio: BrokerTrio, partition: number, id: number): Promise<number> {
  const leaderId = await trio.leaderOf(topic, partition);
  return leaderId === id ? (id % 3) + 1 : leaderId;
}

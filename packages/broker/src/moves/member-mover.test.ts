import { readdirSync } from "node:fs";
import {
  type ListReassignmentsResponseReassignment,
  partitionService,
  topicService,
} from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { BrokerTrio } from "../../fakes/broker-trio.ts";
import { codeOf } from "../../fakes/own-broker.ts";

const topic = "moving";
const deadline = { timeout: 20_000 };

async function reassignments(
  trio: BrokerTrio,
): Promise<readonly ListReassignmentsResponseReassignment[]> {
  return (await trio.callAny(partitionService.listReassignments, {})).reassignments;
}

async function replicasOf(trio: BrokerTrio, partition = 0): Promise<readonly number[]> {
  const { topic: found } = await trio.callAny(topicService.describeTopic, { name: topic });
  return found?.partitions[partition]?.replicaIds ?? [];
}

async function place(trio: BrokerTrio, replicaIds: readonly number[], partition = 0) {
  const partitions = [{ topic, partition, replicaIds }];
  return trio.callAny(partitionService.reassignPartitions, { partitions });
}

async function settled(trio: BrokerTrio): Promise<void> {
  await expect.poll(() => reassignments(trio), deadline).toEqual([]);
}

/** Segments of partitions: the metadata's log is group 1. */
function segmentsOf(trio: BrokerTrio, id: number): string[] {
  const names = readdirSync(trio.logDirectory(id));
  return names.filter((name) => name.startsWith("segment-") && !name.startsWith("segment-1."));
}

async function create(trio: BrokerTrio, replicationFactor: number): Promise<void> {
  const configs = new Map([["segment.ms", "1"]]);
  const request = { name: topic, partitionCount: 1, replicationFactor, configs };
  await trio.callAny(topicService.createTopic, request);
}

test("a partition moves to a broker that came later, is served there, and is gone where it was", async () => {
  await using trio = await BrokerTrio.startFirst(4);
  await create(trio, 3);
  await trio.produce(topic, 0, 60);
  const before = await trio.read(topic, 0);
  const [first = 0, second = 0, third = 0] = await replicasOf(trio);
  await trio.start(4);
  await expect
    .poll(() => place(trio, [4, second, third]).then(() => "placed", String), deadline)
    .toBe("placed");
  await settled(trio);
  await expect.poll(() => replicasOf(trio), deadline).toEqual([4, second, third]);
  expect(await trio.read(topic, 0)).toEqual(before);
  await expect.poll(() => segmentsOf(trio, first), deadline).toEqual([]);
  expect(await trio.metric(first, "ropewalk_replicas")).toBe(0);
  // It counts towards a majority, also after a start.
  await trio.stop(second);
  await trio.produce(topic, 0, 3);
  await trio.stopAll();
  await trio.startAll();
  expect((await trio.read(topic, 0)).slice(0, before.length)).toEqual(before);
  expect(await trio.metric(first, "ropewalk_replicas")).toBe(0);
}, 60_000);

test("a partition gets two more replicas, gives one away, and moves wholly", async () => {
  await using trio = await BrokerTrio.start();
  await create(trio, 1);
  await trio.produce(topic, 0, 40);
  const before = await trio.read(topic, 0);
  const [lone = 0] = await replicasOf(trio);
  const others = [1, 2, 3].filter((id) => id !== lone);
  await place(trio, [lone, ...others]);
  await settled(trio);
  await expect.poll(() => replicasOf(trio), deadline).toEqual([lone, ...others]);
  await trio.stop(lone);
  expect(await trio.read(topic, 0)).toEqual(before);
  await trio.start(lone);
  await place(trio, others);
  await settled(trio);
  await expect.poll(() => segmentsOf(trio, lone), deadline).toEqual([]);
  await place(trio, [lone]);
  await settled(trio);
  await expect.poll(() => replicasOf(trio), deadline).toEqual([lone]);
  expect(await trio.read(topic, 0)).toEqual(before);
}, 60_000);

test("what must not be is refused with the reason, and changes nothing", async () => {
  await using trio = await BrokerTrio.start();
  await create(trio, 1);
  const before = await replicasOf(trio);
  const [lone = 0] = before;
  const [stopped = 0, other = 0] = [1, 2, 3].filter((id) => id !== lone);
  await trio.stop(stopped);
  const refused = (replicaIds: readonly number[], dryRun = false): Promise<string> =>
    codeOf(
      trio.callAny(partitionService.reassignPartitions, {
        partitions: [{ topic, partition: 0, replicaIds }],
        dryRun,
      }),
    );
  // It is some time until it counts as silent.
  await expect
    .poll(() => refused([lone, stopped], true), deadline)
    .toBe("INVALID_REPLICA_ASSIGNMENT");
  expect(await refused([lone, 9])).toBe("INVALID_REPLICA_ASSIGNMENT");
  expect(await refused([lone, lone])).toBe("INVALID_REPLICA_ASSIGNMENT");
  expect(await refused([])).toBe("INVALID_REQUEST");
  const call = trio.callAny.bind(trio);
  const nothing = call(partitionService.reassignPartitions, {});
  expect(await codeOf(nothing)).toBe("INVALID_REQUEST");
  const slow = call(partitionService.reassignPartitions, { auto: true, throttleBytesPerSecond: 1 });
  expect(await codeOf(slow)).toBe("INVALID_REQUEST");
  const partitions = [{ topic, partition: 0 }];
  const idle = call(partitionService.cancelReassignments, { partitions });
  expect(await codeOf(idle)).toBe("NO_REASSIGNMENT_IN_PROGRESS");
  const placed = { partitions: [{ topic, partition: 0, replicaIds: [other] }], dryRun: true };
  const { reassignments: planned } = await call(partitionService.reassignPartitions, placed);
  expect(planned).toEqual([{ topic, partition: 0, replicaIds: [lone], targetIds: [other] }]);
  await expect.poll(() => replicasOf(trio), deadline).toEqual(before);
  expect(await reassignments(trio)).toEqual([]);
}, 60_000);

test("what a broker held that is lost is made anew at another one", async () => {
  await using trio = await BrokerTrio.startFirst(4, { lossRepairDelayMs: 500 });
  await create(trio, 3);
  await trio.produce(topic, 0, 20);
  const before = await trio.read(topic, 0);
  const [, , lost = 0] = await replicasOf(trio);
  await trio.start(4);
  await trio.stop(lost);
  await expect.poll(async () => (await replicasOf(trio)).includes(4), deadline).toBe(true);
  expect(await replicasOf(trio)).not.toContain(lost);
  expect(await trio.read(topic, 0)).toEqual(before);
  await trio.start(lost);
  await expect.poll(() => trio.metric(lost, "ropewalk_replicas"), deadline).toBe(0);
}, 60_000);

test("a partition that waits for its turn moves when the topic is deleted whose partition has it", async () => {
  await using trio = await BrokerTrio.start({ movesAtOnceMax: 1 });
  const other = "waiting";
  for (const name of [topic, other]) {
    const request = { name, partitionCount: 1, replicationFactor: 1 };
    await trio.callAny(topicService.createTopic, request);
  }
  await trio.produce(topic, 0, 40);
  const { topic: found } = await trio.callAny(topicService.describeTopic, { name: other });
  const placement = (name: string, replicaIds: readonly number[]) => ({
    topic: name,
    partition: 0,
    replicaIds: [((replicaIds[0] ?? 0) % 3) + 1],
  });
  const wanted = placement(other, found?.partitions[0]?.replicaIds ?? []);
  await trio.callAny(partitionService.reassignPartitions, {
    partitions: [placement(topic, await replicasOf(trio)), wanted],
    throttleBytesPerSecond: 64 * 1024,
  });
  const states = (await reassignments(trio)).map(({ state }) => state);
  expect(states).toContain("WAITING");
  await trio.callAny(topicService.deleteTopic, { name: topic });
  await settled(trio);
  const { topic: moved } = await trio.callAny(topicService.describeTopic, { name: other });
  expect(moved?.partitions[0]?.replicaIds).toEqual(wanted.replicaIds);
}, 60_000);

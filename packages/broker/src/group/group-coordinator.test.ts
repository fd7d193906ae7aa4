import type { KeyValueStore } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { defaultBrokerLimits } from "../config.ts";
import { encodeCommandBatch } from "../raft/command-entry.ts";
import type { Leadership } from "../raft/state-machine.ts";
import { encodeGroupCommand } from "./group-codec.ts";
import { GroupPartitionCoordinator } from "./group-coordinator.ts";
import { GroupMachine } from "./group-machine.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });

const noStore: KeyValueStore = {
  get: () => undefined,
  range: () => [],
  commit: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** A coordinator whose proposals commit when the test lets them, at a time that the test sets. */
const firstPage = { pageSize: 0, pageToken: "" };

function scene(store: KeyValueStore = noStore) {
  const machine = new GroupMachine(9, store, logger, () => undefined);
  const world = {
    nowMs: 0,
    leadership: { kind: "leading", term: 1 } as Leadership,
    failNext: false,
    /** Whether proposals wait for `letGo`. */
    isHeld: false,
    letGo: () => {},
    proposals: 0,
    partitions: new Map([["t", 4]]),
    topicId: "first",
  };
  let index = machine.restoredIndex;
  const coordinator = new GroupPartitionCoordinator({
    group: {
      get leadership() {
        return world.leadership;
      },
      leaderId: 2,
    },
    machine,
    propose: async (_action, command) => {
      world.proposals += 1;
      const fails = world.failNext;
      world.failNext = false;
      if (world.isHeld) await new Promise<void>((resolve) => (world.letGo = resolve));
      await Promise.resolve();
      if (fails) {
        throw new RopewalkError("UNKNOWN_OUTCOME", "leadership changed");
      }
      index += 1;
      machine.apply({ index, term: 1, type: "normal", data: encodeCommandBatch(command, 0) });
      return machine.lastOutcome;
    },
    topicId: () => world.topicId,
    clock: {
      monotonicMs: () => world.nowMs,
      wallMs: () => 0,
      setTimer: () => ({ cancel: () => undefined }),
      defer: (callback) => callback(),
    },
    limits: { ...defaultBrokerLimits, membersPerGroupMax: 3 },
    partitionCounts: () => world.partitions,
  });
  const beat = (memberId: string, memberEpoch: number, owned: readonly number[] = []) =>
    coordinator.heartbeat({
      groupId: "g",
      memberId,
      memberEpoch,
      clientId: "c",
      topics: ["t"],
      owned: owned.length === 0 ? [] : [{ topic: "t", partitions: owned }],
      sessionTimeoutMs: 1000,
    });
  const commit = (memberId: string, partition: number, offset: number) =>
    coordinator.commitOffsets({
      groupId: "g",
      memberId,
      memberEpoch: 1,
      offsets: [{ topic: "t", partition, offset, metadata: "" }],
    });
  const assigned = async (memberId: string, memberEpoch: number, owned: readonly number[] = []) => {
    const { assignment } = await beat(memberId, memberEpoch, owned);
    return assignment?.flatMap(({ partitions }) => partitions ?? []);
  };
  return { machine, world, coordinator, beat, commit, assigned };
}

async function codeOf(answer: Promise<unknown>): Promise<string> {
  return answer.then(
    () => "no error",
    (error: unknown) => (error instanceof RopewalkError ? error.code : String(error)),
  );
}

describe("GroupPartitionCoordinator.heartbeat()", () => {
  test("replicates nothing while nothing changes", async () => {
    const { beat, world } = scene();
    const { memberEpoch = 0 } = await beat("a", 0);
    for (let i = 0; i < 10; i += 1) await beat("a", memberEpoch, [0, 1, 2, 3]);
    expect(world.proposals).toBe(1);
  });

  test("lets members that join at the same time share the partitions in the end", async () => {
    const { assigned, beat } = scene();
    await Promise.all([beat("a", 0), beat("b", 0)]);
    const owned: Record<string, readonly number[]> = { a: [], b: [] };
    for (let round = 0; round < 4; round += 1) {
      for (const id of ["a", "b"]) owned[id] = (await assigned(id, 1, owned[id])) ?? [];
    }
    expect(owned).toEqual({ a: [0, 1], b: [2, 3] });
  });

  test("does not believe a report that a newer one has overtaken", async () => {
    const { assigned, beat } = scene();
    await beat("a", 0);
    await beat("b", 0); // Epoch 2: a is to give up 2 and 3.
    expect(await assigned("a", 2, [0, 1, 2, 3])).toEqual([0, 1]);
    await beat("a", 1, [0, 1]); // From before a had everything.
    expect(await assigned("b", 2)).toEqual([]);
    await beat("a", 2, [0, 1]);
    expect(await assigned("b", 2)).toEqual([2, 3]);
  });

  test("takes a member in again that did not hear that it had been taken in", async () => {
    const { assigned, beat } = scene();
    await beat("a", 0); // The answer is lost on its way.
    expect(await assigned("a", 0)).toEqual([0, 1, 2, 3]);
    await beat("b", 0); // Epoch 2: a is to give up 2 and 3, and is fenced before it hears so.
    expect(await assigned("a", 0)).toEqual([0, 1]);
    expect(await assigned("b", 2)).toEqual([2, 3]);
  });

  test("does not take a late copy of a member's first join for its word that it reads nothing", async () => {
    const { assigned, beat } = scene();
    await beat("a", 0);
    await beat("a", 1, [0, 1, 2, 3]);
    await beat("b", 0); // Epoch 2: a is to give up 2 and 3, which it still reads.
    expect(await assigned("a", 0)).toEqual([0, 1]);
    expect(await assigned("b", 2)).toEqual([]);
    await beat("a", 1, [0, 1]);
    expect(await assigned("b", 2)).toEqual([2, 3]);
  });

  test("lets a member that joins again give up what it reads no more with its next heartbeat", async () => {
    const { assigned, beat } = scene();
    await beat("a", 0);
    await beat("a", 1, [0, 1, 2, 3]);
    await beat("b", 0);
    expect(await assigned("a", 0)).toEqual([0, 1]); // It was fenced, and has stopped reading.
    expect(await assigned("a", 2, [0, 1])).toEqual([0, 1]);
    expect(await assigned("b", 2)).toEqual([2, 3]);
  });

  test("takes out a member that is silent for longer than its session, and no other", async () => {
    const { assigned, beat, coordinator, machine, world } = scene();
    await beat("a", 0);
    await beat("b", 0);
    world.nowMs = 900;
    await beat("b", 2);
    world.nowMs = 1500;
    await coordinator.expireSessions();
    expect([...(machine.group("g")?.membership.members.keys() ?? [])]).toEqual(["b"]);
    expect(await codeOf(beat("a", 2))).toBe("UNKNOWN_MEMBER_ID");
    expect(await assigned("b", 3)).toEqual([0, 1, 2, 3]);
  });

  test("gives every member a whole session after a change of coordinator", async () => {
    const { beat, coordinator, machine, world } = scene();
    await beat("a", 0);
    world.nowMs = 10_000;
    coordinator.reset();
    await coordinator.expireSessions();
    expect(machine.group("g")?.membership.members.size).toBe(1);
    world.nowMs = 11_500;
    await coordinator.expireSessions();
    expect(machine.group("g")?.membership.members.size).toBe(0);
  });

  test("forgets what it proposed when that fails, and starts from what is committed", async () => {
    const { assigned, beat, world } = scene();
    await beat("a", 0);
    world.failNext = true;
    expect(await codeOf(beat("b", 0))).toBe("UNKNOWN_OUTCOME");
    expect(await assigned("a", 1, [0, 1, 2, 3])).toEqual([0, 1, 2, 3]);
  });

  test("never lets a change undo one that it was not made of, whatever was refused in between", async () => {
    const { assigned, beat, machine, world } = scene();
    const first = beat("a", 0); // On its way.
    world.failNext = true;
    const refused = codeOf(beat("b", 0));
    await first;
    expect(await refused).toBe("UNKNOWN_OUTCOME");
    expect(await codeOf(beat("b", 0))).toBe("no error");
    const granted = [...(machine.group("g")?.membership.members.values() ?? [])].flatMap(
      (member) => member.granted.get("t") ?? [],
    );
    expect(new Set(granted).size).toBe(granted.length);
    expect(await assigned("a", 1, [0, 1, 2, 3])).toEqual([0, 1]);
  });

  test("GroupMachine refuses a membership that does not follow the one that is there", async () => {
    const { beat, machine } = scene();
    await beat("a", 0);
    const membership = machine.group("g")?.membership;
    if (membership === undefined) throw new Error("no group");
    const command = encodeGroupCommand({ kind: "membershipChanged", membership });
    machine.apply({ index: 9, term: 1, type: "normal", data: encodeCommandBatch(command, 0) });
    expect(machine.lastOutcome).toBe("overtaken");
    expect(machine.group("g")?.membership).toBe(membership);
  });

  test("refuses more members than it may have, epochs from the future, and everything where it does not lead", async () => {
    const { beat, world } = scene();
    for (const id of ["a", "b", "c"]) await beat(id, 0);
    expect(await codeOf(beat("d", 0))).toBe("BUSY");
    expect(await codeOf(beat("a", 99))).toBe("FENCED_MEMBER_EPOCH");
    world.leadership = { kind: "following", term: 2, leaderId: 2 };
    expect(await codeOf(beat("a", 3))).toBe("NOT_COORDINATOR");
  });
});

describe("GroupPartitionCoordinator.commitOffsets()", () => {
  test("takes offsets only from the member that reads the partition", async () => {
    const { beat, commit, coordinator } = scene();
    await beat("a", 0);
    await commit("a", 1, 7);
    expect(await codeOf(commit("z", 1, 9))).toBe("UNKNOWN_MEMBER_ID");
    expect(await codeOf(commit("", 1, 9))).toBe("UNKNOWN_MEMBER_ID");
    await beat("b", 0);
    expect(await codeOf(commit("b", 1, 9))).toBe("FENCED_MEMBER_EPOCH");
    const { offsets } = coordinator.fetchOffsets({ groupId: "g", partitions: [], ...firstPage });
    expect(offsets).toMatchObject([{ topic: "t", partition: 1, offset: 7, metadata: "" }]);
  });

  test("takes no offsets from a member once it has proposed that the member is gone, applied or not", async () => {
    const { beat, commit, coordinator, world } = scene();
    await beat("a", 0);
    await commit("a", 1, 7);
    world.nowMs = 2000;
    const expiry = coordinator.expireSessions();
    const late = codeOf(commit("a", 1, 9));
    await expiry;
    expect(await late).toBe("UNKNOWN_MEMBER_ID");
    const { offsets } = coordinator.fetchOffsets({ groupId: "g", partitions: [], ...firstPage });
    expect(offsets).toMatchObject([{ topic: "t", partition: 1, offset: 7 }]);
  });

  test("takes none either where a proposal that came after that one was refused at once", async () => {
    const { beat, commit, coordinator, world } = scene();
    await beat("a", 0);
    world.nowMs = 2000;
    world.isHeld = true;
    const expiry = coordinator.expireSessions();
    world.isHeld = false;
    world.failNext = true;
    expect(await codeOf(beat("b", 0))).toBe("UNKNOWN_OUTCOME");
    expect(await codeOf(commit("a", 1, 9))).toBe("UNKNOWN_MEMBER_ID");
    world.letGo();
    await expiry;
  });

  test("forgets what was committed for a topic that was made again under its name", async () => {
    const { beat, commit, coordinator, world } = scene();
    await beat("a", 0);
    await commit("a", 1, 7);
    world.topicId = "second";
    const request = { groupId: "g", partitions: [{ topic: "t", partitions: [1] }], ...firstPage };
    expect(coordinator.fetchOffsets(request).offsets).toMatchObject([{ offset: -1 }]);
    await commit("a", 1, 2);
    expect(coordinator.fetchOffsets(request).offsets).toMatchObject([{ offset: 2 }]);
  });

  test("refuses partitions that do not exist and offsets that cannot be", async () => {
    const { coordinator } = scene();
    const commit = (partition: number, offset: number) =>
      codeOf(
        coordinator.commitOffsets({
          groupId: "g",
          memberId: "",
          memberEpoch: -1,
          offsets: [{ topic: "t", partition, offset, metadata: "" }],
        }),
      );
    expect(await commit(4, 0)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await commit(0, -5)).toBe("INVALID_REQUEST");
    expect(await commit(0, 5)).toBe("no error");
  });
});

test("GroupMachine comes back from its checkpoint with members, offsets and index", async () => {
  const kept = new Map<string, Uint8Array>();
  const store: KeyValueStore = {
    ...noStore,
    get: (key) => kept.get(key),
    range: (start, end) => [...kept].filter(([key]) => key >= start && key < end),
  };
  const { beat, commit, machine } = scene(store);
  await beat("a", 0);
  await commit("a", 3, 11);
  for (const { key, value } of machine.takeChanges()) {
    if (value !== undefined) kept.set(key, value);
  }
  expect(machine.takeChanges()).toEqual([]);
  const restored = scene(store);
  expect(restored.machine.restoredIndex).toBe(2);
  expect(restored.machine.group("g")).toEqual(machine.group("g"));
  expect(await restored.assigned("a", 1, [0, 1, 2, 3])).toEqual([0, 1, 2, 3]);
});

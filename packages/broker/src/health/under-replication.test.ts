import { expect, test } from "vitest";
import { isSuspect, type LedPartition, underReplicated } from "./under-replication.ts";

function led(committedIndex: number, matchIndexes: readonly number[], term = 3): LedPartition {
  const members = matchIndexes.map((matchIndex, at) => {
    return { brokerId: at + 1, matchIndex, isAlive: true };
  });
  return { topic: "orders", partition: 4, term, committedIndex, members };
}

test("underReplicated() names a replica that did not get on between two looks", () => {
  const earlier = led(10, [12, 10, 7]);
  expect(isSuspect(earlier)).toBe(true);
  expect(underReplicated(earlier, led(30, [30, 30, 8]))).toEqual({
    topic: "orders",
    partition: 4,
    replicaIds: [3],
  });
});

test("underReplicated() lets a replica pass that is a moment behind", () => {
  expect(underReplicated(led(10, [12, 10, 7]), led(30, [30, 30, 10]))).toBeUndefined();
});

test("underReplicated() names a replica of a silent broker, though nothing was written since", () => {
  const quiet = led(10, [10, 10, 10]);
  const [one, two, three] = quiet.members;
  if (one === undefined || two === undefined || three === undefined) throw new Error("three");
  const without = { ...quiet, members: [one, two, { ...three, isAlive: false }] };
  expect(isSuspect(quiet)).toBe(false);
  expect(isSuspect(without)).toBe(true);
  expect(underReplicated(without, without)?.replicaIds).toEqual([3]);
});

test("underReplicated() says nothing of a partition that went to another leader, or away", () => {
  expect(underReplicated(led(10, [12, 10, 7]), led(10, [12, 10, 7], 4))).toBeUndefined();
  expect(underReplicated(led(10, [12, 10, 7]), undefined)).toBeUndefined();
});

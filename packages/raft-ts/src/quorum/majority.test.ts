import { expect, test } from "vitest";
import { jointCommittedIndex, jointVoteResult } from "./joint.ts";
import { majorityCommittedIndex, majorityVoteResult } from "./majority.ts";

function acked(indexes: Readonly<Record<number, number>>): {
  ackedIndex(id: number): number | undefined;
} {
  return { ackedIndex: (id) => indexes[id] };
}

test("majorityCommittedIndex() is what more than half have, and 0 for those never heard of", () => {
  expect(majorityCommittedIndex([], acked({}))).toBe(Infinity);
  expect(majorityCommittedIndex([1], acked({ 1: 7 }))).toBe(7);
  expect(majorityCommittedIndex([1, 2], acked({ 1: 7 }))).toBe(0);
  expect(majorityCommittedIndex([1, 2, 3], acked({ 1: 9, 2: 5, 3: 7 }))).toBe(7);
  expect(majorityCommittedIndex([1, 2, 3, 4], acked({ 1: 9, 2: 5, 3: 7, 4: 8 }))).toBe(7);
  expect(majorityCommittedIndex([1, 2, 3, 4, 5], acked({ 1: 5, 2: 4, 3: 3, 4: 2, 5: 1 }))).toBe(3);
});

test("majorityVoteResult() is pending only as long as both outcomes are possible", () => {
  const voters = [1, 2, 3];
  expect(majorityVoteResult([], new Map())).toBe("won");
  expect(majorityVoteResult(voters, new Map([[1, true]]))).toBe("pending");
  expect(majorityVoteResult(voters, new Map([[1, false]]))).toBe("pending");
  const won = new Map([
    [1, true],
    [3, true],
  ]);
  expect(majorityVoteResult(voters, won)).toBe("won");
  const lost = new Map([
    [1, false],
    [3, false],
  ]);
  expect(majorityVoteResult(voters, lost)).toBe("lost");
});

test("a joint decision needs both halves and fails with either", () => {
  const config = { voters: [1, 2, 3], votersOutgoing: [3, 4, 5] };
  expect(jointCommittedIndex(config, acked({ 1: 9, 2: 9, 3: 9, 4: 4, 5: 2 }))).toBe(4);
  const half = new Map([
    [1, true],
    [2, true],
  ]);
  expect(jointVoteResult(config, half)).toBe("pending");
  expect(jointVoteResult(config, new Map([...half, [4, false], [5, false]]))).toBe("lost");
  expect(jointVoteResult(config, new Map([...half, [4, true], [5, true]]))).toBe("won");
});

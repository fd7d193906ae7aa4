import { describe, expect, test } from "vitest";
import type { Assignment } from "./range-assignor.ts";
import {
  assignmentOf,
  emptyMembership,
  isStable,
  memberGone,
  memberReported,
  type Membership,
} from "./group-membership.ts";

const counts = new Map([["t", 4]]);
const report = (memberId: string, owned: Assignment = new Map(), topics = ["t"]) => ({
  memberId,
  clientId: "",
  sessionTimeoutMs: 1000,
  topics,
  owned,
});
const reads = (membership: Membership, memberId: string): readonly number[] => {
  const member = membership.members.get(memberId);
  return member === undefined ? [] : (assignmentOf(member).get("t") ?? []);
};
const owning = (...partitions: number[]): Assignment => new Map([["t", partitions]]);

describe("memberReported()", () => {
  test("gives the first member everything at once", () => {
    const one = memberReported(emptyMembership("g"), report("a"), counts);
    expect(reads(one, "a")).toEqual([0, 1, 2, 3]);
    expect(isStable(one)).toBe(true);
    expect(one.epoch).toBe(1);
  });

  test("answers the same membership when nothing changed", () => {
    const one = memberReported(emptyMembership("g"), report("a"), counts);
    expect(memberReported(one, report("a", owning(0, 1, 2, 3)), counts)).toBe(one);
  });

  test("lets a second member wait until the first gave up what moves", () => {
    const one = memberReported(emptyMembership("g"), report("a"), counts);
    const joined = memberReported(one, report("b"), counts);
    expect(reads(joined, "a")).toEqual([0, 1]);
    expect(reads(joined, "b")).toEqual([]);
    const stillReading = memberReported(joined, report("a", owning(0, 1, 2, 3)), counts);
    expect(reads(stillReading, "b")).toEqual([]);
    const stopped = memberReported(stillReading, report("a", owning(0, 1)), counts);
    expect(reads(stopped, "b")).toEqual([2, 3]);
    expect(isStable(stopped)).toBe(true);
  });

  test("never lets two members read one partition, whatever they report in whatever order", () => {
    let seed = 42;
    const random = (bound: number): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed % bound;
    };
    let membership = emptyMembership("g");
    const owned = new Map<string, readonly number[]>(); // What each member really reads.
    for (let step = 0; step < 2000; step += 1) {
      const id = `m${random(5)}`;
      const action = random(10);
      if (action === 0) {
        owned.delete(id);
        membership = memberGone(membership, id, counts);
      } else {
        if (!membership.members.has(id)) owned.delete(id);
        membership = memberReported(
          membership,
          report(id, owning(...(owned.get(id) ?? []))),
          counts,
        );
        if (action < 8) owned.set(id, reads(membership, id)); // The answer reached it.
      }
      const all = [...owned.values()].flat();
      expect(new Set(all).size, `seed 42, step ${step}`).toBe(all.length);
    }
  });

  test("follows a topic that grows", () => {
    const one = memberReported(emptyMembership("g"), report("a"), counts);
    const grown = memberReported(one, report("a", owning(0, 1, 2, 3)), new Map([["t", 5]]));
    expect(reads(grown, "a")).toEqual([0, 1, 2, 3, 4]);
    expect(grown.epoch).toBe(2);
  });
});

test("memberGone() frees what the member read", () => {
  const one = memberReported(emptyMembership("g"), report("a"), counts);
  const two = memberReported(one, report("b"), counts);
  const alone = memberGone(two, "a", counts);
  expect(reads(alone, "b")).toEqual([0, 1, 2, 3]);
  expect(memberGone(alone, "a", counts)).toBe(alone);
});

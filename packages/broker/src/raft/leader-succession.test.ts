import type { ProgressStatus } from "raft-ts";
import { expect, test } from "vitest";
import { successorOf } from "./leader-succession.ts";

const anybody = (): boolean => true;

function memberOf(
  id: number,
  match: number,
  differs: Partial<ProgressStatus> = {},
): ProgressStatus {
  return {
    id,
    match,
    next: match + 1,
    state: "replicate",
    isLearner: false,
    recentActive: true,
    paused: false,
    pendingSnapshot: 0,
    inflightCount: 0,
    inflightFull: false,
    ...differs,
  };
}

test("successorOf() names the voter that has most of the log, but not this broker", () => {
  const progress = [memberOf(1, 9), memberOf(2, 5), memberOf(3, 7)];
  expect(successorOf(1, progress, anybody)).toBe(3);
});

test("successorOf() passes over who only learns, is silent or may not lead", () => {
  const progress = [
    memberOf(2, 9, { isLearner: true }),
    memberOf(3, 8, { recentActive: false }),
    memberOf(4, 7),
    memberOf(5, 6),
  ];
  expect(successorOf(1, progress, (id) => id !== 4)).toBe(5);
  expect(successorOf(1, progress.slice(0, 2), anybody)).toBe(0);
});

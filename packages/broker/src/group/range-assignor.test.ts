import { expect, test } from "vitest";
import { assignRanges } from "./range-assignor.ts";

const member = (memberId: string, ...topics: string[]) => ({ memberId, topics });

test("assignRanges() deals contiguous ranges, the first members getting one more", () => {
  const assignments = assignRanges(
    [member("b", "t"), member("a", "t"), member("c", "t")],
    new Map([["t", 7]]),
  );
  expect(assignments.get("a")?.get("t")).toEqual([0, 1, 2]);
  expect(assignments.get("b")?.get("t")).toEqual([3, 4]);
  expect(assignments.get("c")?.get("t")).toEqual([5, 6]);
});

test("assignRanges() gives a topic only to those who subscribe to it", () => {
  const assignments = assignRanges(
    [member("a", "x"), member("b", "x", "y")],
    new Map([
      ["x", 1],
      ["y", 2],
    ]),
  );
  expect(assignments.get("a")).toEqual(new Map([["x", [0]]]));
  expect(assignments.get("b")).toEqual(new Map([["y", [0, 1]]]));
});

test("assignRanges() leaves members without a partition empty-handed", () => {
  const assignments = assignRanges([member("a", "t"), member("b", "t")], new Map([["t", 1]]));
  expect(assignments.get("b")).toEqual(new Map());
});

import { expect, test } from "vitest";

import { progressLine } from "./reassignment-progress.ts";

const move = {
  topic: "orders",
  partition: 0,
  replicaIds: [1],
  targetIds: [2],
  addingIds: [2],
  removingIds: [1],
  state: "COPYING",
} as const;

test("progressLine() counts what has moved, and parts of what moves", () => {
  const left = [
    { ...move, percent: 50 },
    { ...move, partition: 1, percent: 50 },
  ];
  expect(progressLine(4, left, 3000)).toBe("2 of 4 moved (75 %), about 1 s left");
});

test("progressLine() says nothing of the time while nothing has moved", () => {
  expect(progressLine(1, [{ ...move, percent: undefined }], 3000)).toBe("0 of 1 moved (0 %)");
});

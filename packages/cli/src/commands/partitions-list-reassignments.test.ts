import { expect, test } from "vitest";

import { formatReassignments } from "./partitions-list-reassignments.ts";

test("formatReassignments() shows what moves, how far it is, and the throttle", () => {
  const reassignments = [
    {
      topic: "orders",
      partition: 0,
      replicaIds: [1, 2, 3],
      targetIds: [4, 2, 3],
      addingIds: [4],
      removingIds: [1],
      state: "COPYING_SEGMENTS" as const,
      percent: 12,
    },
  ];
  expect(formatReassignments({ reassignments, throttleBytesPerSecond: 5_000_000 })).toBe(
    [
      "TOPIC   PARTITION  FROM   TO     ADDING  REMOVING  STATE             COPIED",
      "orders          0  1,2,3  4,2,3  4       1         copying segments  12 %",
      "throttle: 5 MB/s",
      "",
    ].join("\n"),
  );
});

test("formatReassignments() says that nothing moves", () => {
  const list = { reassignments: [], throttleBytesPerSecond: 0 };
  expect(formatReassignments(list)).toBe("nothing moves\nthrottle: none\n");
});

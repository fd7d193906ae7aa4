import { expect, test } from "vitest";
import type { CompactionSegment } from "./compaction-policy.ts";
import { groupSegments } from "./segment-groups.ts";

/** Segments of these sizes, ten offsets each. */
function segmentsOf(...sizes: number[]): CompactionSegment[] {
  return sizes.map((sizeBytes, index) => ({
    firstIndex: index + 1,
    lastIndex: index + 1,
    baseOffset: index * 10,
    endOffset: index * 10 + 10,
    sizeBytes,
    maxTimestampMs: 0,
    isCompacted: false,
  }));
}

function sizesOf(sizes: number[], endOffset: number): unknown {
  const { groups, split } = groupSegments(segmentsOf(...sizes), endOffset, 100);
  return [groups.map((group) => group.map(({ sizeBytes }) => sizeBytes)), split?.sizeBytes];
}

test("groupSegments() puts small neighbours together", () => {
  expect(sizesOf([], 0)).toEqual([[], undefined]);
  expect(sizesOf([30, 30, 40, 1, 100, 99, 2], 70)).toEqual([
    [[30, 30, 40], [1], [100], [99], [2]],
    undefined,
  ]);
  expect(sizesOf([250, 0, 50, 50], 40)).toEqual([[[250], [0, 50, 50]], undefined]);
});

test("groupSegments() leaves out what is behind the end", () => {
  expect(sizesOf([10, 20, 30, 40], 20)).toEqual([[[10, 20]], undefined]);
});

test("groupSegments() names the segment that the end is in the middle of", () => {
  expect(sizesOf([10, 20, 30, 40], 21)).toEqual([[[10, 20]], 30]);
  expect(sizesOf([10, 20], 1)).toEqual([[], 10]);
});

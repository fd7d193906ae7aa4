import { expect, test } from "vitest";
import {
  type CompactionConfig,
  type CompactionSegment,
  type CompactionState,
  divideLog,
  planCompaction,
} from "./compaction-policy.ts";

const config: CompactionConfig = {
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Infinity,
  deleteRetentionMs: 1000,
};

/** Segments of ten offsets and entries each, a second apart. */
function segmentsOf(...parts: Partial<CompactionSegment>[]): CompactionSegment[] {
  return parts.map((part, index) => ({
    firstIndex: index * 10 + 1,
    lastIndex: index * 10 + 10,
    baseOffset: index * 10,
    endOffset: index * 10 + 10,
    sizeBytes: 100,
    maxTimestampMs: (index + 1) * 1000,
    isCompacted: false,
    ...part,
  }));
}

interface Situation extends Partial<CompactionConfig> {
  readonly nowMs?: number;
  readonly committedOffset?: number;
}

function stateOf(
  segments: readonly CompactionSegment[],
  { nowMs = 100_000, committedOffset = 1000, ...changed }: Situation = {},
): CompactionState<CompactionSegment> {
  return { segments, config: { ...config, ...changed }, nowMs, committedOffset };
}

/** How many segments are clean, dirty, uncleanable. */
function division(segments: readonly CompactionSegment[], situation?: Situation): number[] {
  const { clean, dirty, uncleanable } = divideLog(stateOf(segments, situation));
  expect([...clean, ...dirty, ...uncleanable]).toEqual(segments);
  return [clean.length, dirty.length, uncleanable.length];
}

const isCompacted = true;

test("divideLog() tells clean from dirty segments", () => {
  expect(division([])).toEqual([0, 0, 0]);
  expect(division(segmentsOf({}, {}))).toEqual([0, 2, 0]);
  expect(division(segmentsOf({ isCompacted }, { isCompacted }, {}))).toEqual([2, 1, 0]);
  // Only those at the start of the log are clean.
  expect(division(segmentsOf({ isCompacted }, {}, { isCompacted }))).toEqual([1, 2, 0]);
});

test("divideLog() keeps out what is not committed", () => {
  const segments = segmentsOf({ isCompacted }, {}, {});
  expect(division(segments, { committedOffset: 30 })).toEqual([1, 2, 0]);
  expect(division(segments, { committedOffset: 29 })).toEqual([1, 1, 1]);
  expect(division(segments, { committedOffset: 19 })).toEqual([1, 0, 2]);
});

test("divideLog() keeps out what is too recent, and all that follows", () => {
  const segments = segmentsOf({}, {}, { maxTimestampMs: 500 });
  expect(division(segments, { nowMs: 3000, minCompactionLagMs: 1000 })).toEqual([0, 3, 0]);
  expect(division(segments, { nowMs: 2999, minCompactionLagMs: 1000 })).toEqual([0, 1, 2]);
  expect(division(segments, { nowMs: 500, minCompactionLagMs: 0 })).toEqual([0, 3, 0]);
});

test("divideLog() takes no record for newer than its segment", () => {
  const minute = { nowMs: 100_000, minCompactionLagMs: 60_000 };
  const future = { maxTimestampMs: 2 ** 52 };
  expect(division(segmentsOf(future), minute)).toEqual([0, 0, 1]);
  expect(division(segmentsOf({ ...future, sealedMs: 40_000 }), minute)).toEqual([0, 1, 0]);
  expect(division(segmentsOf({ ...future, sealedMs: 40_001 }), minute)).toEqual([0, 0, 1]);
  const none = { maxTimestampMs: -1 };
  expect(division(segmentsOf({ ...none, sealedMs: 40_001 }), minute)).toEqual([0, 0, 1]);
  expect(division(segmentsOf(none), minute)).toEqual([0, 1, 0]);
});

test("divideLog() refuses segments that are not in order", () => {
  expect(() => division(segmentsOf({}, { firstIndex: 10 }))).toThrow(
    "index 10 follows one up to 10",
  );
  expect(() => division(segmentsOf({}, { baseOffset: 9 }))).toThrow(
    "index 11 follows one up to 10",
  );
});

test("planCompaction() waits until more than the ratio is dirty", () => {
  const segments = segmentsOf({ isCompacted, sizeBytes: 300 }, {}, {}, {});
  expect(divideLog(stateOf(segments)).dirtyRatio).toBe(0.5);
  expect(planCompaction(stateOf(segments))).toBeUndefined();
  const plan = planCompaction(stateOf(segments, { minCleanableDirtyRatio: 0.49 }));
  expect(plan).toMatchObject({ reason: "DIRTY_RATIO", dirtyRatio: 0.5 });
  expect(plan?.dirty).toEqual(segments.slice(1));
  // What cannot be compacted yet does not count.
  const committed = { minCleanableDirtyRatio: 0.3, committedOffset: 20 };
  expect(planCompaction(stateOf(segments, committed))).toBeUndefined();
  expect(planCompaction(stateOf([], { minCleanableDirtyRatio: 0 }))).toBeUndefined();
});

test("planCompaction() waits no longer than the largest lag", () => {
  const segments = segmentsOf({ isCompacted, sizeBytes: 10_000 }, {}, {});
  const lag = { maxCompactionLagMs: 8000 };
  expect(planCompaction(stateOf(segments, { ...lag, nowMs: 10_000 }))).toBeUndefined();
  expect(planCompaction(stateOf(segments, { ...lag, nowMs: 10_001 }))?.reason).toBe("MAX_LAG");
  // Where it is known, the first record counts.
  const early = segmentsOf({ isCompacted, sizeBytes: 10_000 }, { firstTimestampMs: 1500 });
  expect(planCompaction(stateOf(early, { ...lag, nowMs: 9501 }))?.reason).toBe("MAX_LAG");
  const future = { firstTimestampMs: 2 ** 52, maxTimestampMs: 2 ** 52, sealedMs: 1000 };
  const wrong = segmentsOf({ isCompacted, sizeBytes: 10_000 }, future);
  expect(planCompaction(stateOf(wrong, { ...lag, nowMs: 9001 }))?.reason).toBe("MAX_LAG");
  // What may not be compacted is not, however long it waits.
  const open = { ...lag, nowMs: 90_000, committedOffset: 10 };
  expect(planCompaction(stateOf(segments, open))).toBeUndefined();
});

test("planCompaction() takes the segment's time for records that have none", () => {
  const lag = { maxCompactionLagMs: 1000, nowMs: 5000 };
  const clean = { isCompacted, sizeBytes: 10_000 };
  const none = { maxTimestampMs: -1 };
  const reasonOf = (part: Partial<CompactionSegment>): string | undefined =>
    planCompaction(stateOf(segmentsOf(clean, part), lag))?.reason;
  expect(reasonOf({ ...none, sealedMs: 3999 })).toBe("MAX_LAG");
  expect(reasonOf({ ...none, sealedMs: 4000 })).toBeUndefined();
  expect(reasonOf(none)).toBeUndefined();
});

test("planCompaction() goes through the clean section when tombstones are to go", () => {
  const segments = segmentsOf({ isCompacted, deleteHorizonMs: 7000 }, { isCompacted });
  expect(planCompaction(stateOf(segments, { nowMs: 6999 }))).toBeUndefined();
  const plan = planCompaction(stateOf(segments, { nowMs: 7000 }));
  expect(plan).toMatchObject({ reason: "DELETE_HORIZON", dirty: [], dirtyRatio: 0 });
});

import { describe, expect, test } from "vitest";
import { topicConfig } from "../controller/topic-config.ts";
import { retentionPolicy, retentionStartOffset, type SegmentView } from "./retention.ts";

/** Segments of ten records and 100 bytes each, whose newest records have these timestamps. */
function segmentsOf(...timestamps: readonly number[]): SegmentView[] {
  return timestamps.map((maxTimestampMs, row) => ({
    firstIndex: row * 5 + 1,
    lastIndex: row * 5 + 5,
    baseOffset: row * 10,
    endOffset: row * 10 + 10,
    maxTimestampMs,
    sizeBytes: 100,
    createdMs: 1000 + row,
    sealed: row < timestamps.length - 1,
  }));
}

const endless = { retentionMs: undefined, retentionBytes: undefined };
const at = { nowMs: 10_000, highWatermark: 1000 };

describe("retentionStartOffset() by age", () => {
  const hour = { ...endless, retentionMs: 3600 };

  test("cuts whole segments whose newest record is too old, and none behind one that is not", () => {
    const segments = segmentsOf(6000, 6399, 6400, 100);
    expect(retentionStartOffset(segments, hour, at)).toBe(20);
    expect(retentionStartOffset(segmentsOf(6400, 1), hour, at)).toBeUndefined();
    expect(retentionStartOffset([], hour, at)).toBeUndefined();
  });

  test("cuts the last segment too, as Kafka does", () => {
    expect(retentionStartOffset(segmentsOf(1, 2), hour, at)).toBe(20);
  });

  test("keeps a segment with a timestamp in the future until that time has gone by", () => {
    const segments = segmentsOf(1, 50_000, 2);
    expect(retentionStartOffset(segments, hour, at)).toBe(10);
    expect(retentionStartOffset(segments, hour, { ...at, nowMs: 53_601 })).toBe(30);
  });

  test("takes a segment without timestamps to be as old as the next one's beginning", () => {
    const segments = segmentsOf(-1, -1);
    const young = { ...at, nowMs: 1001 + 3600 };
    expect(retentionStartOffset(segments, hour, young)).toBeUndefined();
    expect(retentionStartOffset(segments, hour, { ...at, nowMs: 1002 + 3600 })).toBe(10);
  });

  test("keeps a segment without timestamps while only the journal comes behind it", () => {
    const [segment, journal] = segmentsOf(-1, -1);
    if (segment === undefined || journal === undefined) throw new Error("two segments");
    const segments = [segment, { ...journal, createdMs: 0 }];
    expect(retentionStartOffset(segments, hour, { ...at, nowMs: 1e12 })).toBeUndefined();
  });
});

describe("retentionStartOffset() by size", () => {
  test.each([
    [0, 30],
    [1, 20],
    [100, 20],
    [199, 10],
    [200, 10],
    [201, undefined],
    [1000, undefined],
  ])("leaves at least %d of 300 bytes", (retentionBytes, startOffset) => {
    const policy = { ...endless, retentionBytes };
    expect(retentionStartOffset(segmentsOf(1, 2, 3), policy, at)).toBe(startOffset);
  });
});

test("retentionStartOffset() cuts for either reason", () => {
  const policy = { retentionMs: 3600, retentionBytes: 200 };
  expect(retentionStartOffset(segmentsOf(1, 2, 9999, 9999), policy, at)).toBe(20);
  expect(retentionStartOffset(segmentsOf(9999, 9999, 9999, 9999), policy, at)).toBe(20);
  expect(retentionStartOffset(segmentsOf(1, 2, 3, 9999), policy, at)).toBe(30);
});

test("retentionStartOffset() never cuts a segment that reaches beyond the high watermark", () => {
  const policy = { ...endless, retentionMs: 0 };
  const moment = { nowMs: 10_000, highWatermark: 19 };
  expect(retentionStartOffset(segmentsOf(1, 2, 3), policy, moment)).toBe(10);
});

test("retentionPolicy() has one only for topics that delete, and that have an end", () => {
  const policyOf = (configs: Record<string, string>, internal = false) =>
    retentionPolicy(topicConfig({ internal, configs: new Map(Object.entries(configs)) }, 1));
  expect(policyOf({})).toEqual({ retentionMs: 604_800_000, retentionBytes: undefined });
  expect(policyOf({ "cleanup.policy": "compact,delete", "retention.ms": "5" })).toEqual({
    retentionMs: 5,
    retentionBytes: undefined,
  });
  expect(policyOf({ "cleanup.policy": "compact" })).toBeUndefined();
  expect(policyOf({ "retention.ms": "-1" })).toBeUndefined();
  expect(policyOf({}, true)).toBeUndefined();
});

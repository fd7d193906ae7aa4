import { expect, test } from "vitest";
import { batchCoverage } from "./batch-coverage.ts";
import { sampleBatch } from "../fakes/store-harness.ts";

test("batchCoverage() reads the offsets and the time of a batch", () => {
  expect(batchCoverage("normal", sampleBatch(40, 5, 100, 0, 1234))).toEqual({
    baseOffset: 40,
    recordCount: 5,
    maxTimestampMs: 1234,
  });
});

test("batchCoverage() of anything else is undefined", () => {
  const batch = sampleBatch(0, 1, 100);
  expect(batchCoverage("confChange", batch)).toBeUndefined();
  expect(batchCoverage("normal", new Uint8Array(0))).toBeUndefined();
  expect(batchCoverage("normal", batch.subarray(0, 60))).toBeUndefined();
  expect(batchCoverage("normal", batch.subarray(0, 99))).toBeUndefined();
  const otherMagic = batch.slice();
  otherMagic[16] = 1;
  expect(batchCoverage("normal", otherMagic)).toBeUndefined();
});

import { expect, test } from "vitest";
import {
  firstWhere,
  ownerOfFileName,
  segmentFileName,
  type SegmentInfo,
  segmentOfIndex,
  segmentOfOffset,
} from "./segment-info.ts";
import { imageFileName } from "../image/image-file.ts";

function info(fileId: number, first: number, last: number, base: number, end: number): SegmentInfo {
  return {
    fileId,
    firstIndex: first,
    lastIndex: last,
    baseOffset: base,
    endOffset: end,
    maxTimestampMs: -1,
    chunksEnd: 64,
    chunkCount: 0,
    createdMs: 0,
    isSealed: true,
    isCompacted: false,
    deleteHorizonMs: 0,
  };
}

/** The second one covers no offset; between the others nothing is missing. */
const segments = [info(1, 3, 5, 10, 20), info(2, 6, 6, 20, 20), info(3, 7, 9, 20, 40)];

test("segmentOfOffset() finds the segment that covers an offset, or the first behind it", () => {
  const found = [0, 10, 19, 20, 39, 40].map((at) => segmentOfOffset(segments, at)?.fileId);
  expect(found).toEqual([1, 1, 1, 3, 3, undefined]);
  expect(segmentOfOffset([], 0)).toBeUndefined();
});

test("segmentOfIndex() finds the segment that covers an entry, or the first behind it", () => {
  const found = [1, 3, 5, 6, 7, 9, 10].map((at) => segmentOfIndex(segments, at)?.fileId);
  expect(found).toEqual([1, 1, 1, 2, 3, 3, undefined]);
});

test("firstWhere() finds the first row of the second part, however the parts lie", () => {
  for (let length = 0; length < 9; length++) {
    const rows = Array.from({ length }, (_, row) => row);
    for (let first = 0; first <= length; first++) {
      expect(firstWhere(rows, (row) => row >= first)).toBe(first);
    }
  }
});

test("ownerOfFileName() reads names of segments and images, and no others", () => {
  const key = { groupId: 12, incarnation: 3 };
  expect(ownerOfFileName(segmentFileName(key, 45))).toEqual({ key, fileId: 45 });
  expect(ownerOfFileName(imageFileName(key, 46))).toEqual({ key, fileId: 46 });
  for (const name of ["segment-1.1-2.seg.tmp", "checkpoint-0a", "LOCK", "segment-1-2.seg"]) {
    expect(ownerOfFileName(name)).toBeUndefined();
  }
});

import { expect, test } from "vitest";
import { EntryIndex, type IndexedEntry } from "./entry-index.ts";

function entryOf(
  term: number,
  recordCount: number,
  baseOffset: number,
  recordNumber: number = 0,
): IndexedEntry {
  const coverage =
    recordCount === 0 ? undefined : { baseOffset, recordCount, maxTimestampMs: 10 * baseOffset };
  return {
    sequence: 3,
    dataPosition: 4096,
    dataBytes: 70,
    dataCrc: 0xffffffff,
    term,
    type: "normal",
    coverage,
    recordNumber,
  };
}

function filled(recordCounts: readonly number[]): EntryIndex {
  const index = new EntryIndex();
  for (const count of recordCounts) index.push(entryOf(1, count, index.endOffset));
  return index;
}

test("EntryIndex is empty at first: its last index lies before its first", () => {
  const index = new EntryIndex();
  expect([index.firstIndex, index.lastIndex, index.endOffset]).toEqual([1, 0, 0]);
  expect(index.term(0)).toBe(0);
  expect(index.indexOfOffset(0)).toBe(1);
});

test("EntryIndex.locate() gives back what was pushed, and refuses what was not", () => {
  const index = filled([1]);
  expect(index.locate(1)).toEqual({
    sequence: 3,
    dataPosition: 4096,
    dataBytes: 70,
    dataCrc: 0xffffffff,
  });
  expect(() => index.locate(0)).toThrow(/index 0/);
  expect(() => index.locate(2)).toThrow(/index 2/);
});

test("EntryIndex.indexOfOffset() finds the covering entry, or the next that covers any", () => {
  const index = filled([0, 2, 0, 3, 0]);
  expect([0, 1, 2, 3, 4, 5].map((offset) => index.indexOfOffset(offset))).toEqual([
    2, 2, 4, 4, 4, 6,
  ]);
});

test("EntryIndex.push() refuses a batch that does not begin where the log ends", () => {
  const index = filled([2]);
  expect(() => index.push(entryOf(1, 1, 3))).toThrow(/offset 3, but the log ends at 2/);
  expect(() => index.push(entryOf(1, 1, 1))).toThrow(/offset 1/);
});

test("EntryIndex.truncate() takes offsets and terms back", () => {
  const index = filled([2, 0, 3]);
  index.push(entryOf(7, 0, 0));
  index.truncate(3);
  expect([index.lastIndex, index.endOffset, index.term(2)]).toEqual([2, 2, 1]);
  index.truncate(9);
  expect(index.lastIndex).toBe(2);
  index.truncate(1);
  expect([index.lastIndex, index.endOffset]).toEqual([0, 0]);
});

test("EntryIndex keeps thousands of entries in order", () => {
  const counts = Array.from({ length: 5000 }, (_, row) => row % 3);
  const index = filled(counts);
  let offset = 0;
  for (const [row, count] of counts.entries()) {
    expect(index.coversRecords(row + 1)).toBe(count > 0);
    offset += count;
    expect(index.offsetAfter(row + 1)).toBe(offset);
  }
});

test("EntryIndex.indexOfTimestamp() passes over entries without a timestamp", () => {
  const index = filled([1, 0, 1, 1]);
  expect(index.indexOfTimestamp(0, 3)).toBe(1);
  expect(index.indexOfTimestamp(1, 3)).toBe(3);
  expect(index.indexOfTimestamp(20, 2)).toBeUndefined();
  expect(index.indexOfTimestamp(21, 3)).toBeUndefined();
});

test("EntryIndex.moveThrough() forgets places, and keeps terms and where offsets go on", () => {
  const index = filled([2, 0, 3, 1]);
  index.push(entryOf(7, 2, 6));
  index.moveThrough(3);
  expect([index.movedIndex, index.movedOffset, index.firstIndex]).toEqual([3, 5, 4]);
  expect([index.lastIndex, index.endOffset]).toEqual([5, 8]);
  expect([1, 3, 4, 5].map((at) => index.term(at))).toEqual([1, 1, 1, 7]);
  expect(() => index.locate(3)).toThrow(/index 3/);
  expect(() => index.offsetAfter(2)).toThrow(/index 2/);
  expect([5, 6].map((offset) => index.indexOfOffset(offset))).toEqual([4, 5]);
  expect([index.indexOfTimestamp(0, 8), index.indexOfTimestamp(51, 8)]).toEqual([4, 5]);
  expect(index.maxTimestampMs).toBe(60);
  index.moveThrough(5);
  expect([index.firstIndex, index.lastIndex, index.endOffset]).toEqual([6, 5, 8]);
  index.push(entryOf(7, 1, 8));
  expect([index.lastIndex, index.endOffset, index.maxTimestampMs]).toEqual([6, 9, 80]);
});

test("EntryIndex refuses to move what it does not hold, and to truncate what was moved", () => {
  const index = filled([1, 1, 1]);
  index.moveThrough(2);
  expect(() => index.moveThrough(1)).toThrow(/move through 1/);
  expect(() => index.moveThrough(4)).toThrow(/move through 4/);
  expect(() => index.truncate(2)).toThrow(/moved through 2/);
  index.truncate(3);
  expect([index.lastIndex, index.endOffset]).toEqual([2, 2]);
});

test("EntryIndex.restart() begins behind what is not in the journal, with its terms", () => {
  const index = filled([1, 1, 1]);
  const runs = [
    [4, 2],
    [8, 5],
  ] as const;
  index.restart(9, 30, runs);
  expect([index.firstIndex, index.lastIndex, index.endOffset]).toEqual([10, 9, 30]);
  expect([7, 8, 9].map((at) => index.term(at))).toEqual([2, 5, 5]);
  expect(index.maxTimestampMs).toBe(-1);
  index.push(entryOf(6, 2, 30));
  expect([...index.termRuns()]).toEqual([...runs, [10, 6]]);
  index.forgetTermsBefore(9);
  expect([...index.termRuns()]).toEqual([
    [8, 5],
    [10, 6],
  ]);
});

test("EntryIndex.recordNumber() gives record numbers back that need more than 32 bits", () => {
  const index = new EntryIndex();
  const first = 2 ** 32 * 5 - 2;
  for (let row = 0; row < 4; row++) index.push(entryOf(1, 0, 0, first + row));
  expect([1, 2, 3, 4].map((at) => index.recordNumber(at, first + 9))).toEqual(
    [0, 1, 2, 3].map((row) => first + row),
  );
});

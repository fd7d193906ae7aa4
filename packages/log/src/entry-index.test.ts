import { expect, test } from "vitest";
import { EntryIndex, type IndexedEntry } from "./entry-index.ts";

function entryOf(term: number, recordCount: number, baseOffset: number): IndexedEntry {
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

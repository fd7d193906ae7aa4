import { describe, expect, test } from "vitest";
import {
  batchCodec,
  batchDeleteHorizon,
  batchLastSequence,
  batchMaxTimestamp,
  batchNextOffset,
  batchProducerEpoch,
  batchRecordCount,
  compressionCodecs,
  isBatchIntact,
  isControlBatch,
} from "@ropewalk/protocol";
import {
  changedBatch,
  recordsIn,
  type SampleRecord,
  sectionOf,
  storedBatch,
  storedMarker,
} from "../../fakes/compaction-harness.ts";
import { BatchCleaner, type BatchCleaning } from "./batch-cleaner.ts";

const deleteRetentionMs = 1000;
const producer = { producerId: 7, producerEpoch: 2, baseSequence: 40 };
const transaction = { ...producer, isTransactional: true };

function keyed(...keys: string[]): SampleRecord[] {
  return keys.map((key, index) => ({ key, value: `${key}${index}`, timestampMs: 5000 - index }));
}

function tombstones(...keys: string[]): SampleRecord[] {
  return keys.map((key) => ({ key, value: undefined }));
}

interface Cleaning extends Partial<BatchCleaning> {
  readonly aborted?: readonly number[];
}

/** Compacts a log once: what is left of each batch. */
function compacted(
  batches: readonly Uint8Array[],
  { aborted = [], ...options }: Cleaning = {},
): (Uint8Array | undefined)[] {
  const section =
    options.section ?? sectionOf(batches, 0, (_producerId, offset) => aborted.includes(offset));
  const isLastOfProducer = (): boolean => false;
  const cleaner = new BatchCleaner({
    nowMs: 100_000,
    deleteRetentionMs,
    isLastOfProducer,
    ...options,
    section,
  });
  return batches.map((batch) => cleaner.clean(batch));
}

function present(batches: readonly (Uint8Array | undefined)[]): Uint8Array[] {
  return batches.filter((batch) => batch !== undefined);
}

describe.each(compressionCodecs)("with the codec %s", (codec) => {
  test("BatchCleaner.clean() keeps the latest record of each key, where it was", () => {
    const batches = [
      storedBatch({ ...producer, baseOffset: 0, records: keyed("a", "b", "a", "c"), codec }),
      storedBatch({ baseOffset: 4, records: keyed("b", "b"), codec }),
    ];
    const [first, second] = compacted(batches);
    expect(recordsIn([first])).toEqual([
      { offset: 2, key: "a", value: "a2", timestampMs: 4998 },
      { offset: 3, key: "c", value: "c3", timestampMs: 4997 },
    ]);
    expect(recordsIn([second])).toEqual([{ offset: 5, key: "b", value: "b1", timestampMs: 4999 }]);
    const kept = first ?? Buffer.alloc(0);
    expect(isBatchIntact(kept)).toBe(true);
    expect(batchCodec(kept)).toBe(codec);
    expect(batchMaxTimestamp(kept)).toBe(4998);
    expect(batchLastSequence(kept)).toBe(43);
    expect(batchNextOffset(kept)).toBe(4);
  });

  test("BatchCleaner.clean() keeps tombstones until their delete horizon, and no longer", () => {
    const batches = [
      storedBatch({ baseOffset: 0, records: keyed("a", "b"), codec }),
      storedBatch({ baseOffset: 2, records: [...tombstones("a"), ...keyed("c")], codec }),
    ];
    const once = present(compacted(batches, { nowMs: 100_000 }));
    expect(recordsIn(once).map(({ key, value }) => [key, value])).toEqual([
      ["b", "b1"],
      ["a", undefined],
      ["c", "c0"],
    ]);
    expect(once.map((batch) => batchDeleteHorizon(batch))).toEqual([undefined, 101_000]);
    expect(recordsIn(once).map(({ timestampMs }) => timestampMs)).toEqual([4999, 1000, 5000]);
    // Cleaning again before the horizon changes nothing, and does not move it.
    const section = sectionOf([], 4);
    expect(compacted(once, { section, nowMs: 100_999 })).toEqual(once);
    const twice = present(compacted(once, { section, nowMs: 101_000 }));
    expect(recordsIn(twice).map(({ offset, key }) => [offset, key])).toEqual([
      [1, "b"],
      [3, "c"],
    ]);
    expect(recordsIn(twice).at(-1)?.timestampMs).toBe(5000);
  });
});

test("BatchCleaner.clean() answers the same bytes where nothing changes, and nothing where all goes", () => {
  const batches = [
    storedBatch({ baseOffset: 0, records: keyed("a", "b") }),
    storedBatch({ baseOffset: 2, records: keyed("b", "c"), codec: "zstd" }),
    storedBatch({ baseOffset: 4, records: keyed("a") }),
    storedBatch({ baseOffset: 5, records: keyed("d") }),
  ];
  const result = compacted(batches);
  expect(result[0]).toBeUndefined();
  expect(result[1]).toBe(batches[1]);
  expect(result[2]).toBe(batches[2]);
  expect(result[3]).toBe(batches[3]);
});

test("BatchCleaner.clean() sets a delete horizon only where a tombstone is kept", () => {
  const batches = [
    storedBatch({ baseOffset: 0, records: tombstones("a", "b") }),
    storedBatch({ baseOffset: 2, records: keyed("c") }),
    storedBatch({ baseOffset: 3, records: [...tombstones("d"), ...keyed("e")] }),
    storedBatch({ baseOffset: 5, records: keyed("b", "d") }),
  ];
  const result = present(compacted(batches));
  expect(result.map((batch) => batchDeleteHorizon(batch))).toEqual([
    101_000,
    undefined,
    undefined,
    undefined,
  ]);
  expect(result[1]).toBe(batches[1]);
});

test("BatchCleaner.clean() removes from the clean section what the dirty one supersedes", () => {
  const clean = storedBatch({ baseOffset: 0, records: keyed("a", "b") });
  const dirty = storedBatch({ baseOffset: 9, records: keyed("a") });
  const result = compacted([clean, dirty], { section: sectionOf([dirty], 5) });
  expect(recordsIn(result).map(({ offset }) => offset)).toEqual([1, 9]);
});

test("BatchCleaner.clean() leaves what is behind the end of the section as it is", () => {
  const batches = [
    storedBatch({ baseOffset: 0, records: keyed("a") }),
    storedBatch({ baseOffset: 1, records: [...keyed("a"), ...keyed("a"), ...tombstones("b")] }),
  ];
  const section = sectionOf(batches.slice(0, 1));
  expect(compacted(batches, { section })).toEqual(batches);
});

test("BatchCleaner.clean() removes records without a key and counts them", () => {
  const records = [{ key: undefined, value: "v" }, ...keyed("a", "a")];
  const batch = storedBatch({ baseOffset: 0, records });
  const cleaner = new BatchCleaner({
    section: sectionOf([batch]),
    nowMs: 1,
    deleteRetentionMs,
    isLastOfProducer: () => false,
  });
  expect(recordsIn([cleaner.clean(batch)]).map(({ offset }) => offset)).toEqual([2]);
  expect(cleaner.statistics).toEqual({
    recordsKept: 1,
    recordsRemoved: 2,
    recordsWithoutKey: 1,
    batchesUnreadable: 0,
  });
});

test("BatchCleaner.clean() keeps the last batch of a producer, empty if need be", () => {
  const batches = [
    storedBatch({ ...producer, baseOffset: 0, records: keyed("a") }),
    storedBatch({ ...producer, baseSequence: 41, baseOffset: 1, records: keyed("a", "b") }),
    storedBatch({ baseOffset: 3, records: keyed("a", "b") }),
  ];
  const isLastOfProducer = (...asked: number[]): boolean => String(asked) === "7,2,42,2";
  const once = compacted(batches, { isLastOfProducer });
  expect(once[0]).toBeUndefined();
  const empty = once[1] ?? Buffer.alloc(0);
  expect(batchRecordCount(empty)).toBe(0);
  expect(isBatchIntact(empty)).toBe(true);
  expect(batchProducerEpoch(empty)).toBe(2);
  expect(batchLastSequence(empty)).toBe(42);
  expect(batchNextOffset(empty)).toBe(3);
  const section = sectionOf([], 5);
  expect(compacted([empty], { section, isLastOfProducer })[0]).toBe(empty);
  expect(compacted([empty], { section })[0]).toBeUndefined();
});

test("BatchCleaner.clean() removes what a transaction wrote that was aborted", () => {
  const batches = [
    storedBatch({ baseOffset: 0, records: keyed("a", "b") }),
    storedBatch({ ...transaction, baseOffset: 2, records: [...keyed("a"), ...tombstones("b")] }),
    storedMarker(4, 7, 0),
    storedBatch({ ...transaction, baseOffset: 5, records: keyed("c") }),
    storedMarker(6, 7, 1),
  ];
  const result = compacted(batches, { aborted: [2] });
  expect(result).toEqual([batches[0], undefined, batches[2], batches[3], batches[4]]);
  // A batch of the same producer that is in no transaction is none of it.
  const other = storedBatch({ ...producer, baseOffset: 7, records: keyed("x") });
  expect(compacted([other], { aborted: [7] })).toEqual([other]);
});

test("BatchCleaner.clean() keeps a marker until no batch of its transaction is left, and then its time", () => {
  const batches = [
    storedBatch({ ...transaction, baseOffset: 0, records: keyed("a") }),
    storedMarker(1, 7, 0),
    storedBatch({ ...transaction, baseOffset: 2, records: keyed("a") }),
    storedMarker(3, 7, 1),
  ];
  // The first cleaning still meets the aborted batch, so that its marker stays as it is.
  const once = present(compacted(batches, { aborted: [0] }));
  expect(once).toEqual(batches.slice(1));
  const section = sectionOf([], 4);
  const twice = present(compacted(once, { section, nowMs: 100_000 }));
  expect(twice.map((batch) => batchDeleteHorizon(batch))).toEqual([101_000, undefined, undefined]);
  expect(recordsIn(twice)).toEqual(recordsIn(once));
  expect(isControlBatch(twice[0] ?? Buffer.alloc(0))).toBe(true);
  expect(compacted(twice, { section, nowMs: 100_999 })).toEqual(twice);
  const thrice = compacted(twice, { section, nowMs: 101_000 });
  expect(thrice).toEqual([undefined, ...batches.slice(2)]);
});

test("BatchCleaner.clean() tells the transactions of one producer apart", () => {
  const batches = [
    storedBatch({ ...transaction, baseOffset: 0, records: keyed("a") }),
    storedMarker(1, 7, 1),
    storedMarker(3, 7, 1),
  ];
  const result = present(compacted(batches));
  expect(result.map((batch) => batchDeleteHorizon(batch))).toEqual([undefined, undefined, 101_000]);
});

test("BatchCleaner.clean() keeps the marker of an emptied batch that stays for its producer", () => {
  const batches = [
    storedBatch({ ...transaction, baseOffset: 0, records: keyed("a") }),
    storedMarker(1, 7, 0),
  ];
  const isLastOfProducer = (_id: number, _epoch: number, sequence: number): boolean =>
    sequence === 40;
  const once = present(compacted(batches, { aborted: [0], isLastOfProducer }));
  expect(once.map((batch) => batchRecordCount(batch))).toEqual([0, 1]);
  const section = sectionOf([], 2);
  expect(compacted(once, { section, nowMs: 900_000, isLastOfProducer })).toEqual(once);
});

test("BatchCleaner.clean() keeps a marker empty where it is all that is left of a producer", () => {
  const isLastOfProducer = (_id: number, _epoch: number, sequence: number): boolean =>
    sequence === -1;
  const section = sectionOf([], 2);
  const once = present(compacted([storedMarker(1, 7, 1)], { section, isLastOfProducer }));
  const twice = present(compacted(once, { section, nowMs: 900_000, isLastOfProducer }));
  expect(twice.map((batch) => batchRecordCount(batch))).toEqual([0]);
  expect(compacted(twice, { section, nowMs: 900_000, isLastOfProducer })).toEqual(twice);
  expect(compacted(twice, { section, nowMs: 900_000 })).toEqual([undefined]);
});

test("BatchCleaner.clean() keeps control batches that are no transaction's marker", () => {
  const change = (batch: Buffer): void => void (batch[batch.length - 8 - 1] = 2);
  const other = changedBatch(storedMarker(0, 7, 1), change);
  const notTransactional = changedBatch(storedMarker(0, 7, 1), (batch) =>
    batch.writeUInt16BE(0x20, 21),
  );
  const section = sectionOf([], 1);
  for (const batch of [other, notTransactional])
    expect(compacted([batch], { section, nowMs: 900_000 })[0]).toBe(batch);
});

test("BatchCleaner.clean() keeps a batch that cannot be read as it is", () => {
  const batch = storedBatch({ baseOffset: 0, records: [...keyed("a"), ...tombstones("b")] });
  const garbage = changedBatch(batch, (bytes) => bytes.fill(0xff, 74));
  const section = sectionOf([garbage]);
  const options = { section, nowMs: 1, deleteRetentionMs, isLastOfProducer: () => false };
  const cleaner = new BatchCleaner(options);
  expect(cleaner.clean(garbage)).toBe(garbage);
  expect(cleaner.statistics.batchesUnreadable).toBe(1);
});

test("BatchCleaner.clean() never gives a damaged batch a right checksum", () => {
  const batch = storedBatch({ baseOffset: 3, records: keyed("a", "a") });
  const section = sectionOf([batch]);
  batch[batch.length - 2] = 0;
  expect(() => compacted([batch], { section })).toThrow(
    expect.objectContaining({
      reason: "DATA_DAMAGED",
      message: "Cannot compact the batch at offset 3: its checksum is wrong",
    }),
  );
});

test("BatchCleaner.clean() keeps a tombstone for ever whose batch can have no delete horizon", () => {
  const records = [{ key: "a", value: undefined, timestampMs: 2 ** 52 }];
  const batch = storedBatch({ baseOffset: 0, records });
  expect(compacted([batch])[0]).toBe(batch);
  expect(compacted([storedMarker(1, 7, 1)], { deleteRetentionMs: Infinity })).toHaveLength(1);
});

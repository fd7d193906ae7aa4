import { describe, expect, test } from "vitest";

import { crc32c } from "./crc32c.ts";
import { RecordBatchBuilder } from "./record-batch-builder.ts";
import {
  batchBaseTimestamp,
  batchCodec,
  batchDeleteHorizon,
  batchLastSequence,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchNextOffset,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  compressionCodecs,
  isControlBatch,
  isTransactionalBatch,
  patchBatch,
} from "./record-batch-header.ts";
import { RecordBatchRewriter } from "./record-batch-rewriter.ts";
import { isBatchIntact, readRecords, RecordCursor } from "./record-cursor.ts";
import { validateBatch } from "./validate-batch.ts";

const producer = { producerId: 7, producerEpoch: 3, baseSequence: 0x7ffffffe };

/** Ten records at the offsets from 100 on, one a second; the last has the smallest timestamp. */
function tenRecords(options: Parameters<RecordBatchBuilder["build"]>[0] = {}): Buffer {
  const builder = new RecordBatchBuilder();
  for (let index = 0; index < 10; index++) {
    const value = index === 4 ? undefined : Buffer.from(`value ${index} `.repeat(index));
    const headers = index % 2 === 0 ? [{ name: "n", value: Buffer.of(index) }] : [];
    builder.append(index === 9 ? 5 : 10_000 + index * 1000, Buffer.of(index), value, headers);
  }
  const batch = Buffer.from(builder.build({ ...producer, ...options }));
  patchBatch(batch, 0, 100, 42);
  return batch;
}

/** The batch with only the records at `kept`, counted from its base offset. */
function rewritten(batch: Uint8Array, kept: readonly number[], deleteHorizonMs?: number): Buffer {
  const rewriter = new RecordBatchRewriter();
  const cursor = new RecordCursor();
  cursor.open(batch);
  while (cursor.next()) if (kept.includes(cursor.offset - 100)) rewriter.keep(cursor);
  expect(rewriter.recordCount).toBe(kept.length);
  return rewriter.build(batch, deleteHorizonMs);
}

function recordsOf(batch: Uint8Array): unknown[] {
  return [...readRecords(batch)].map((record) => ({
    ...record,
    key: Buffer.from(record.key ?? []).toString("hex"),
    value: record.value && Buffer.from(record.value).toString(),
    headers: record.headers.map(({ name, value }) => [name, Buffer.from(value ?? [])[0]]),
  }));
}

describe.each(compressionCodecs)("with the codec %s", (codec) => {
  test("RecordBatchRewriter.build() keeps some records as they are, where they are", () => {
    const batch = tenRecords({ codec, isTransactional: true });
    const kept = [1, 4, 6, 9];
    const result = rewritten(batch, kept);
    expect(isBatchIntact(result)).toBe(true);
    expect(recordsOf(result)).toEqual(kept.map((index) => recordsOf(batch)[index]));
    expect(batchRecordCount(result)).toBe(4);
    expect(batchNextOffset(result)).toBe(110);
    expect(batchCodec(result)).toBe(codec);
    expect(batchMaxTimestamp(result)).toBe(16_000);
    expect(batchLeaderEpoch(result)).toBe(42);
    expect(batchProducerId(result)).toBe(7);
    expect(batchProducerEpoch(result)).toBe(3);
    expect(batchLastSequence(result)).toBe(7); // It wrapped to zero, and counts what is gone.
    expect(isTransactionalBatch(result)).toBe(true);
    expect(isControlBatch(result)).toBe(false);
  });

  test("RecordBatchRewriter.build() writes a delete horizon and leaves every timestamp what it was", () => {
    const batch = tenRecords({ codec });
    const horizonMs = 1_800_000_000_000;
    const result = rewritten(batch, [0, 4, 9], horizonMs);
    expect(batchDeleteHorizon(batch)).toBeUndefined();
    expect(batchDeleteHorizon(result)).toBe(horizonMs);
    expect(recordsOf(result)).toEqual([0, 4, 9].map((index) => recordsOf(batch)[index]));
    // What is there stays when the batch is written again.
    const again = rewritten(result, [4]);
    expect(batchDeleteHorizon(again)).toBe(horizonMs);
    expect(recordsOf(again)).toEqual([recordsOf(batch)[4]]);
    expect(isBatchIntact(again)).toBe(true);
  });

  test("RecordBatchRewriter.build() without records is an empty batch", () => {
    const batch = rewritten(tenRecords({ codec }), [4], 1_800_000_000_000);
    const empty = rewritten(batch, []);
    expect(empty).toHaveLength(61);
    expect(isBatchIntact(empty)).toBe(true);
    expect(recordsOf(empty)).toEqual([]);
    expect(batchCodec(empty)).toBe("none");
    expect(batchDeleteHorizon(empty)).toBeUndefined();
    expect(batchBaseTimestamp(empty)).toBe(-1);
    expect(batchMaxTimestamp(empty)).toBe(14_000);
    expect(batchNextOffset(empty)).toBe(110);
    expect(batchProducerId(empty)).toBe(7);
    expect(batchLastSequence(empty)).toBe(7);
    expect(rewritten(empty, [])).toEqual(empty);
  });
});

test("RecordBatchRewriter.build() with every record gives the same bytes", () => {
  const batch = tenRecords();
  expect(rewritten(batch, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).toEqual(batch);
});

test("RecordBatchRewriter.clear() forgets the last batch", () => {
  const builder = new RecordBatchBuilder();
  for (const timestampMs of [2 ** 52, 2 ** 51, 2 ** 52 + 9])
    builder.append(timestampMs, undefined, undefined);
  const rewriter = new RecordBatchRewriter();
  const cursor = new RecordCursor();
  const far = builder.build();
  cursor.open(far);
  cursor.next();
  rewriter.keep(cursor);
  cursor.next();
  rewriter.keep(cursor);
  expect(rewriter.canSetDeleteHorizon(far, 2 ** 52 + 10)).toBe(false);
  rewriter.clear();
  cursor.next();
  rewriter.keep(cursor);
  expect(rewriter.canSetDeleteHorizon(far, 2 ** 52 + 10)).toBe(true);
  expect(batchMaxTimestamp(rewriter.build(far))).toBe(2 ** 52 + 9);
  rewriter.clear();
  cursor.open(tenRecords());
  while (cursor.next()) if (cursor.offset === 103) rewriter.keep(cursor);
  const result = rewriter.build(tenRecords());
  expect(result).toEqual(rewritten(tenRecords(), [3]));
  expect(batchMaxTimestamp(result)).toBe(13_000);
});

test("RecordBatchRewriter.build() leaves the time of the append what it is", () => {
  const batch = tenRecords();
  batch.writeUInt16BE(0x08, 21);
  for (const horizonMs of [undefined, 50_000]) {
    const result = rewritten(batch, [2, 4], horizonMs);
    expect([...readRecords(result)].map((record) => record.timestampMs)).toEqual([18_000, 18_000]);
  }
});

test("RecordBatchRewriter.build() copies what it does not know in a record", () => {
  const batch = tenRecords();
  batch[62] = 0x80; // The attributes of the first record.
  const result = rewritten(batch, [0], 7000);
  const cursor = new RecordCursor();
  cursor.open(result);
  expect(cursor.next()).toBe(true);
  expect(cursor.encodedRecord[1]).toBe(0x80);
});

test("RecordBatchRewriter.canSetDeleteHorizon() refuses a horizon that timestamps cannot be told from", () => {
  const builder = new RecordBatchBuilder();
  const far = 2 ** 52;
  builder.append(far, Buffer.of(1), undefined);
  const batch = Buffer.from(builder.build());
  patchBatch(batch, 0, 100, 1);
  const rewriter = new RecordBatchRewriter();
  const cursor = new RecordCursor();
  cursor.open(batch);
  while (cursor.next()) rewriter.keep(cursor);
  expect(rewriter.canSetDeleteHorizon(batch, 1000)).toBe(false);
  expect(rewriter.canSetDeleteHorizon(batch, far - 2 ** 51)).toBe(true);
  expect(rewriter.canSetDeleteHorizon(batch, Number.POSITIVE_INFINITY)).toBe(false);
  expect(() => rewriter.build(batch, 1000)).toThrow("horizon 1000");
  const result = rewriter.build(batch, far - 2 ** 51);
  expect([...readRecords(result)].map((record) => record.timestampMs)).toEqual([far]);
});

test("validateBatch() refuses from clients what compaction leaves", () => {
  const limits = { batchBytesMax: 1 << 20 };
  const batch = tenRecords();
  expect(validateBatch(batch, limits)).toBeUndefined();
  expect(validateBatch(rewritten(batch, [1, 2]), limits)?.reason).toBe("RECORD_COUNT");
  expect(validateBatch(rewritten(batch, []), limits)?.reason).toBe("RECORD_COUNT");
  expect(validateBatch(rewritten(batch, [1], 50_000), limits)?.reason).toBe("ATTRIBUTES");
});

test("readRecords() refuses offsets beyond those of a compacted batch", () => {
  const result = rewritten(tenRecords(), [3, 7]);
  result.writeInt32BE(6, 23);
  result.writeUInt32BE(crc32c(result, 21), 17);
  expect(() => [...readRecords(result)]).toThrow("the offset 107 after 103, up to 106");
});

import { expect, test } from "vitest";

import { RecordBatchBuilder } from "./record-batch-builder.ts";
import { batchHeaderBytes, patchBatch } from "./record-batch-header.ts";
import { readRecords, RecordCursor } from "./record-cursor.ts";
import { splitBatches } from "./split-batches.ts";

function batchOf(values: readonly string[], baseOffset = 0): Buffer {
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.append(1000, undefined, Buffer.from(value));
  const batch = builder.build();
  patchBatch(batch, 0, baseOffset, 1);
  return batch;
}

test("RecordCursor reads several batches, one after another", () => {
  const cursor = new RecordCursor();
  const seen: string[] = [];
  for (const batch of [batchOf(["a", "b"]), batchOf(["c"], 2)]) {
    cursor.open(batch);
    while (cursor.next())
      seen.push(`${cursor.offset}${Buffer.from(cursor.value ?? []).toString()}`);
    expect(cursor.next()).toBe(false);
  }
  expect(seen).toEqual(["0a", "1b", "2c"]);
});

test("readRecords() gives slices of an uncompressed batch", () => {
  const batch = batchOf(["abc"]);
  const [record] = [...readRecords(batch)];
  batch[batch.length - 2] = "x".charCodeAt(0);
  expect(Buffer.from(record?.value ?? []).toString()).toBe("abx");
});

test("readRecords() gives every record the time of the append where the batch says so", () => {
  const builder = new RecordBatchBuilder();
  for (const timestampMs of [10, 30, 20]) builder.append(timestampMs, undefined, undefined);
  const batch = builder.build();
  batch.writeUInt16BE(0x08, 21);
  expect([...readRecords(batch)].map((record) => record.timestampMs)).toEqual([30, 30, 30]);
});

test("readRecords() bounds what a batch decompresses to", () => {
  const builder = new RecordBatchBuilder();
  builder.append(1, undefined, Buffer.alloc(1_000_000));
  for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
    const batch = builder.build({ codec });
    expect(batch.length).toBeLessThan(100_000);
    expect([...readRecords(batch, { decompressedBytesMax: 1_000_100 })]).toHaveLength(1);
    expect(() => [...readRecords(batch, { decompressedBytesMax: 900_000 })]).toThrow(
      expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }),
    );
  }
});

test.each([
  ["a record longer than the batch", (batch: Buffer) => batch.writeUInt8(0x7e, batchHeaderBytes)],
  ["a record of a negative length", (batch: Buffer) => batch.writeUInt8(1, batchHeaderBytes)],
  ["an offset after the last one", (batch: Buffer) => batch.writeUInt8(2, batchHeaderBytes + 3)],
  ["an offset before the first one", (batch: Buffer) => batch.writeUInt8(1, batchHeaderBytes + 3)],
  ["a key longer than the record", (batch: Buffer) => batch.writeUInt8(100, batchHeaderBytes + 4)],
  ["a key of length -2", (batch: Buffer) => batch.writeUInt8(3, batchHeaderBytes + 4)],
  ["more headers than fit", (batch: Buffer) => batch.writeUInt8(40, batch.length - 1)],
  ["fewer records than it says", (batch: Buffer) => batch.writeInt32BE(2, 57)],
  ["more records than it says", (batch: Buffer) => batch.writeInt32BE(0, 57)],
  ["an unknown codec", (batch: Buffer) => batch.writeUInt16BE(7, 21)],
  ["another version", (batch: Buffer) => batch.writeUInt8(1, 16)],
  ["a wrong length", (batch: Buffer) => batch.writeInt32BE(5, 8)],
])("readRecords() refuses a batch with %s", (_, change) => {
  const batch = batchOf(["value"]);
  change(batch);
  expect(() => [...readRecords(batch)]).toThrow(
    expect.objectContaining({ code: "CORRUPT_MESSAGE" }),
  );
});

test("splitBatches() gives the batches as slices", () => {
  const batches = [batchOf(["a"]), batchOf(["b", "c"], 1), batchOf(["d"], 3)];
  const bytes = Buffer.concat(batches);
  const split = splitBatches(bytes);
  expect(split.map((batch) => Buffer.from(batch))).toEqual(batches);
  expect(split[0]?.buffer).toBe(bytes.buffer);
  expect(splitBatches(new Uint8Array(0))).toEqual([]);
});

test("splitBatches() refuses a batch that is cut off, and lengths that make no sense", () => {
  const bytes = Buffer.concat([batchOf(["a"]), batchOf(["b"])]);
  expect(() => splitBatches(bytes.subarray(0, -1))).toThrow("Cannot split record batches");
  expect(() => splitBatches(bytes.subarray(0, -65))).toThrow("Cannot split record batches");
  for (const length of [-2147483648, -13, -12, 0, 48]) {
    bytes.writeInt32BE(length, 8);
    expect(() => splitBatches(bytes)).toThrow(expect.objectContaining({ code: "CORRUPT_MESSAGE" }));
  }
});

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

/** The batch of one record that the cases below damage: 7 bytes of numbers, "\0value", no headers. */
const lengthAt = batchHeaderBytes;
const offsetAt = lengthAt + 3;
const keyAt = lengthAt + 4;
const valueAt = lengthAt + 5;

test.each<[string, (batch: Buffer) => void]>([
  ["a record of 63 bytes does not fit", (batch) => batch.writeUInt8(0x7e, lengthAt)],
  ["a record of -1 bytes does not fit", (batch) => batch.writeUInt8(1, lengthAt)],
  ["the length of a record cannot be read", (batch) => batch.fill(0xff, lengthAt)],
  ["the offset 1 after -1, up to 0", (batch) => batch.writeUInt8(2, offsetAt)],
  ["the offset -1 after -1, up to 0", (batch) => batch.writeUInt8(1, offsetAt)],
  ["a key has 50 bytes, 8 are left", (batch) => batch.writeUInt8(100, keyAt)],
  ["a key has -2 bytes, 8 are left", (batch) => batch.writeUInt8(3, keyAt)],
  ["a value has 8 bytes, 7 are left", (batch) => batch.writeUInt8(16, valueAt)],
  ["a record ends before its headers", (batch) => batch.writeUInt8(14, valueAt)],
  ["20 headers do not fit", (batch) => batch.writeUInt8(40, batch.length - 1)],
  ["-1 headers do not fit", (batch) => batch.writeUInt8(1, batch.length - 1)],
  ["bytes follow the headers of a record", (batch) => batch.writeUInt8(0, valueAt)],
  ["bytes follow its last record", (batch) => batch.writeInt32BE(0, 57)],
  ["its codec is not known", (batch) => batch.writeUInt16BE(7, 21)],
  ["its version is 1", (batch) => batch.writeUInt8(1, 16)],
  ["it says 17 bytes", (batch) => batch.writeInt32BE(5, 8)],
])("readRecords() refuses a batch: %s", (reason, change) => {
  const batch = batchOf(["\0value"]);
  change(batch);
  const message = expect.stringContaining(reason) as string;
  const seen: unknown[] = [];
  expect(() => {
    for (const record of readRecords(batch)) seen.push(record);
  }).toThrow(expect.objectContaining({ code: "CORRUPT_MESSAGE", message }));
  expect(seen).toEqual([]);
});

test("readRecords() refuses a batch with fewer records than it says, after those", () => {
  const batch = batchOf(["a", "b"]);
  batch.writeInt32BE(3, 57);
  const seen: unknown[] = [];
  expect(() => {
    for (const record of readRecords(batch)) seen.push(record.offset);
  }).toThrow("the length of a record cannot be read");
  expect(seen).toEqual([0, 1]);
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

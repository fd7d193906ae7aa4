import { describe, expect, test } from "vitest";

import {
  batchBaseSequence,
  batchCodec,
  batchCrc,
  batchLastSequence,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  compressionCodecs,
  isControlBatch,
  isTransactionalBatch,
  patchBatch,
  batchBaseOffset,
  batchLeaderEpoch,
  batchNextOffset,
} from "./record-batch-header.ts";
import { RecordBatchBuilder, recordBytesMax } from "./record-batch-builder.ts";
import { isBatchIntact, readRecords } from "./record-cursor.ts";
import { validateBatch } from "./validate-batch.ts";

const limits = { batchBytesMax: 1 << 20 };

/** CRC-32C bit by bit, so that the expected bytes do not come from the code under test. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("RecordBatchBuilder.build() writes the documented layout", () => {
  const builder = new RecordBatchBuilder();
  builder.append(1_000_000, Buffer.from("k"), undefined, []);
  builder.append(1_000_064, undefined, Buffer.from("vw"), [
    { name: "h", value: Buffer.from("x") },
    { name: "é", value: undefined },
  ]);
  const afterCrc = Buffer.from(
    [
      "0000", // attributes: no compression
      "00000001", // last offset delta
      "00000000000f4240", // base timestamp: 1,000,000
      "00000000000f4280", // largest timestamp: 1,000,064
      "0000000000000007", // producer id
      "0003", // producer epoch
      "0000000b", // base sequence
      "00000002", // records
      // 7 bytes: attributes, timestamp delta 0, offset delta 0, key of 1 byte, no value, no headers
      "0e 00 00 00 02 6b 01 00",
      // 17 bytes: attributes, timestamp delta 64 (80 01), offset delta 1, no key, value of 2 bytes, 2 headers
      "22 00 80 01 02 01 04 76 77 04",
      "02 68 02 78", // "h": "x"
      "04 c3 a9 01", // "é", without a value
    ]
      .join("")
      .replaceAll(" ", ""),
    "hex",
  );
  const head = Buffer.alloc(21);
  head.writeInt32BE(21 + afterCrc.length - 12, 8);
  head.writeInt32BE(-1, 12);
  head[16] = 2;
  head.writeUInt32BE(slowCrc32c(afterCrc), 17);
  const batch = builder.build({ producerId: 7, producerEpoch: 3, baseSequence: 11 });
  expect(batch.toString("hex")).toBe(Buffer.concat([head, afterCrc]).toString("hex"));
});

test("RecordBatchBuilder.build() gives the checksum that other clients give", () => {
  const builder = new RecordBatchBuilder();
  builder.append(0x158_8dcd_5938, Buffer.of(1, 2, 3, 4), Buffer.of(5, 6, 7), [
    { name: "\b\t\n", value: Buffer.of(11, 12) },
  ]);
  const batch = builder.build({ producerId: 0, producerEpoch: 0, baseSequence: 0 });
  // Their record is 5 ms after the base timestamp, and they leave the largest timestamp at zero.
  batch[63] = 10;
  batch.fill(0, 35, 43);
  expect(slowCrc32c(batch.subarray(21))).toBe(0x547961fd);
});

describe.each(compressionCodecs)("with the codec %s", (codec) => {
  test("readRecords() gives back what RecordBatchBuilder took", () => {
    const builder = new RecordBatchBuilder();
    for (let index = 0; index < 1000; index++) {
      const value = index % 7 === 0 ? undefined : Buffer.from(`value ${index} `.repeat(index % 20));
      builder.append(5000 - index, Buffer.from(`key ${index}`), value, []);
    }
    const batch = builder.build({ codec });
    patchBatch(batch, 0, 1_000_000_000_000, 77);
    expect(isBatchIntact(batch)).toBe(true);
    expect(validateBatch(batch, limits)).toBeUndefined();
    expect(batchCodec(batch)).toBe(codec);
    expect(batchNextOffset(batch)).toBe(1_000_000_001_000);
    expect(batchMaxTimestamp(batch)).toBe(5000);
    let index = 0;
    for (const record of readRecords(batch)) {
      expect(record.offset).toBe(1_000_000_000_000 + index);
      expect(record.timestampMs).toBe(5000 - index);
      expect(Buffer.from(record.key ?? []).toString()).toBe(`key ${index}`);
      expect(record.value === undefined).toBe(index % 7 === 0);
      expect(record.value?.length ?? 0).toBe(
        index % 7 === 0 ? 0 : `value ${index} `.length * (index % 20),
      );
      index++;
    }
    expect(index).toBe(batchRecordCount(batch));
  });
});

test("RecordBatchBuilder.clear() starts over in the same memory", () => {
  const builder = new RecordBatchBuilder(4096);
  builder.append(1, Buffer.from("first"), undefined);
  const first = builder.build();
  builder.clear();
  expect(builder.recordCount).toBe(0);
  builder.append(2, Buffer.from("second"), undefined);
  const second = builder.build();
  expect(second.buffer).toBe(first.buffer);
  expect([...readRecords(second)].map((record) => record.timestampMs)).toEqual([2]);
});

test("RecordBatchBuilder.sizeBytes is the size of the uncompressed batch, and recordBytesMax() a bound", () => {
  const builder = new RecordBatchBuilder();
  const headers = [{ name: "n", value: Buffer.alloc(200) }];
  for (let index = 0; index < 300; index++) {
    const before = builder.sizeBytes;
    builder.append(index * 1_000_000, Buffer.alloc(index), undefined, headers);
    const added = builder.sizeBytes - before;
    expect(added).toBeLessThanOrEqual(recordBytesMax(Buffer.alloc(index), undefined, headers));
  }
  expect(builder.build().length).toBe(builder.sizeBytes);
});

test("RecordBatchBuilder.build() carries the producer and the kind of batch", () => {
  const builder = new RecordBatchBuilder();
  for (let index = 0; index < 3; index++) builder.append(-1, undefined, undefined);
  const options = { producerId: 2 ** 40, producerEpoch: 32767, baseSequence: 0x7fffffff };
  const batch = builder.build({ ...options, isTransactional: true, isControl: true });
  expect(batchProducerId(batch)).toBe(2 ** 40);
  expect(batchProducerEpoch(batch)).toBe(32767);
  expect(batchBaseSequence(batch)).toBe(0x7fffffff);
  expect(batchLastSequence(batch)).toBe(1); // It wraps to zero.
  expect(isTransactionalBatch(batch)).toBe(true);
  expect(isControlBatch(batch)).toBe(true);
});

test("RecordBatchBuilder refuses a batch without records and a timestamp that is none", () => {
  const builder = new RecordBatchBuilder();
  expect(() => builder.build()).toThrow("a batch needs a record");
  expect(() => builder.append(1.5, undefined, undefined)).toThrow("timestamp 1.5");
});

test("patchBatch() changes what the checksum does not cover", () => {
  const builder = new RecordBatchBuilder();
  builder.append(1, undefined, undefined);
  const batch = Buffer.concat([Buffer.alloc(5), builder.build()]);
  const crc = batchCrc(batch, 5);
  patchBatch(batch, 5, Number.MAX_SAFE_INTEGER - 1, 0x7fffffff);
  expect(batchBaseOffset(batch, 5)).toBe(Number.MAX_SAFE_INTEGER - 1);
  expect(batchLeaderEpoch(batch, 5)).toBe(0x7fffffff);
  expect(batchCrc(batch, 5)).toBe(crc);
  expect(isBatchIntact(batch, 5)).toBe(true);
  expect(isBatchIntact(batch, 4)).toBe(false);
});

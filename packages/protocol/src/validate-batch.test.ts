import { expect, test } from "vitest";

import { crc32c } from "./crc32c.ts";
import { RecordBatchBuilder } from "./record-batch-builder.ts";
import { batchFaultError, validateBatch } from "./validate-batch.ts";

const limits = { batchBytesMax: 1000 };

function batchOf(recordCount: number): Buffer {
  const builder = new RecordBatchBuilder();
  for (let index = 0; index < recordCount; index++)
    builder.append(1, Buffer.from("k"), Buffer.from("v"));
  return Buffer.from(builder.build({ producerId: 1, producerEpoch: 0, baseSequence: 0 }));
}

/** A batch with something changed and the checksum made right again. */
function changed(change: (batch: Buffer) => void): Buffer {
  const batch = batchOf(3);
  change(batch);
  batch.writeUInt32BE(crc32c(batch, 21), 17);
  return batch;
}

test("validateBatch() accepts a batch up to the allowed size", () => {
  const batch = batchOf(3);
  expect(validateBatch(batch, { batchBytesMax: batch.length })).toBeUndefined();
  expect(validateBatch(batch, { batchBytesMax: batch.length - 1 })?.reason).toBe("TOO_LARGE");
});

test("validateBatch() accepts only exactly one whole batch", () => {
  const batch = batchOf(3);
  expect(validateBatch(new Uint8Array(0), limits)?.reason).toBe("TOO_SHORT");
  expect(validateBatch(batch.subarray(0, 60), limits)?.reason).toBe("TOO_SHORT");
  expect(validateBatch(batch.subarray(0, -1), limits)?.reason).toBe("LENGTH_MISMATCH");
  expect(validateBatch(Buffer.concat([batch, batch]), limits)?.reason).toBe("LENGTH_MISMATCH");
});

test("validateBatch() finds every flipped bit that the checksum covers", () => {
  const batch = batchOf(3);
  for (let bit = 17 * 8; bit < batch.length * 8; bit++) {
    batch[bit >>> 3] = (batch[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    expect(validateBatch(batch, limits)?.reason).toBe("CRC_MISMATCH");
    batch[bit >>> 3] = (batch[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  }
  expect(validateBatch(batch, limits)).toBeUndefined();
});

test.each([
  ["MAGIC", (batch: Buffer) => batch.writeUInt8(1, 16)],
  ["CODEC", (batch: Buffer) => batch.writeUInt16BE(5, 21)],
  ["ATTRIBUTES", (batch: Buffer) => batch.writeUInt16BE(0x20, 21)],
  ["ATTRIBUTES", (batch: Buffer) => batch.writeUInt16BE(0x08, 21)],
  ["ATTRIBUTES", (batch: Buffer) => batch.writeUInt16BE(0x8000, 21)],
  ["RECORD_COUNT", (batch: Buffer) => batch.writeInt32BE(3, 23)],
  ["RECORD_COUNT", (batch: Buffer) => batch.writeInt32BE(0, 57)],
  [
    "RECORD_COUNT",
    (batch: Buffer) => {
      batch.writeInt32BE(99, 23);
      batch.writeInt32BE(100, 57);
    },
  ],
  ["TIMESTAMP", (batch: Buffer) => batch.writeBigInt64BE(-2n, 27)],
  ["TIMESTAMP", (batch: Buffer) => batch.writeBigInt64BE(2n ** 60n, 35)],
  ["PRODUCER", (batch: Buffer) => batch.writeInt32BE(-1, 53)],
  ["PRODUCER", (batch: Buffer) => batch.writeInt16BE(-1, 51)],
  ["PRODUCER", (batch: Buffer) => batch.writeBigInt64BE(-2n, 43)],
  ["PRODUCER", (batch: Buffer) => batch.writeBigInt64BE(2n ** 60n, 43)],
] as const)("validateBatch() answers %s (%#)", (reason, change) => {
  expect(validateBatch(changed(change), limits)?.reason).toBe(reason);
});

test("validateBatch() refuses a transactional batch without a producer", () => {
  const batch = changed((bytes) => {
    bytes.writeUInt16BE(0x10, 21);
    bytes.writeBigInt64BE(-1n, 43);
  });
  expect(validateBatch(batch, limits)?.reason).toBe("PRODUCER");
});

test("validateBatch() does not mind the epoch and the sequence of no producer", () => {
  const batch = changed((bytes) => bytes.writeBigInt64BE(-1n, 43));
  expect(validateBatch(batch, limits)).toBeUndefined();
});

test("batchFaultError() keeps the code and the values", () => {
  const fault = validateBatch(Buffer.alloc(3), limits);
  if (fault === undefined) throw new Error("no fault");
  expect(batchFaultError(fault)).toMatchObject({
    code: "CORRUPT_MESSAGE",
    message: "The record batch was refused: 3 bytes are less than a header.",
  });
});

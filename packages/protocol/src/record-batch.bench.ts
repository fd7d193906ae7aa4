import assert from "node:assert/strict";

import { test } from "vitest";

import { produceService } from "./generated/produce-service.ts";
import { RecordBatchBuilder } from "./record-batch-builder.ts";
import { patchBatch } from "./record-batch-header.ts";
import { readRecords, RecordCursor } from "./record-cursor.ts";
import { validateBatch } from "./validate-batch.ts";

const batchBytesMax = 256 * 1024;
const value = Buffer.alloc(100, 1);

/** Fills a batch of 256 KiB with records of 100 bytes, some 2,400 of them. */
function fill(builder: RecordBatchBuilder): void {
  builder.clear();
  while (builder.sizeBytes + 128 <= batchBytesMax)
    builder.append(1_700_000_000_000, undefined, value);
}

const builder = new RecordBatchBuilder(batchBytesMax);
fill(builder);
const batch = Buffer.from(builder.build());
const cursor = new RecordCursor();
const request = {
  correlationId: 1,
  topic: "orders",
  partition: 3,
  acks: "ALL",
  recordBatch: batch,
} as const;
const { requestSerialize, requestDeserialize } = produceService.produceStream;
const encoded = copied(requestSerialize(request));
const frame = Buffer.alloc(encoded.length + 5);

function copied(serialized: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(serialized.length);
  serialized.copy(bytes);
  return bytes;
}

test("256 KiB of records of 100 bytes, one batch an operation", async ({ bench }) => {
  await bench.compare(
    bench("RecordBatchBuilder: append all and build", () => {
      fill(builder);
      builder.build({ producerId: 1, producerEpoch: 0, baseSequence: 0 });
    }),
    bench("RecordCursor: every value", () => {
      cursor.open(batch);
      let total = 0;
      while (cursor.next()) total += cursor.value?.length ?? 0;
      assert(total > 0);
    }),
    bench("readRecords: every record", () => {
      let total = 0;
      for (const record of readRecords(batch)) total += record.value?.length ?? 0;
      assert(total > 0);
    }),
    bench("validateBatch and patchBatch", () => {
      validateBatch(batch, { batchBytesMax: batch.length });
      patchBatch(batch, 0, 1, 1);
    }),
  );
});

test("ProduceStreamRequest with a batch of 256 KiB", async ({ bench }) => {
  await bench.compare(
    bench("requestSerialize, and the copy into the frame", () => {
      requestSerialize(request).copy(frame, 5);
    }),
    bench("the same with a buffer in between", () => {
      copied(requestSerialize(request)).copy(frame, 5);
    }),
    bench("decode", () => {
      requestDeserialize(encoded);
    }),
  );
});

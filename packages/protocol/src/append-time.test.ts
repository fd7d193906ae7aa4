import { describe, expect, test } from "vitest";
import { stampAppendTime } from "./append-time.ts";
import { RecordBatchBuilder } from "./record-batch-builder.ts";
import { batchBaseTimestamp, batchMaxTimestamp, compressionCodecs } from "./record-batch-header.ts";
import { readRecords } from "./record-cursor.ts";
import { validateBatch } from "./validate-batch.ts";

function batchOf(codec: (typeof compressionCodecs)[number]): Uint8Array {
  const builder = new RecordBatchBuilder();
  builder.append(1000, undefined, Buffer.from("a"));
  builder.append(3000, undefined, Buffer.from("b".repeat(500)));
  return builder.build({ codec });
}

describe("stampAppendTime()", () => {
  test.each(compressionCodecs)("gives every record of a %s batch the broker's time", (codec) => {
    const batch = batchOf(codec);
    stampAppendTime(batch, 1_700_000_000_123);
    const timestamps = [...readRecords(batch)].map(({ timestampMs }) => timestampMs);
    expect(timestamps).toEqual([1_700_000_000_123, 1_700_000_000_123]);
    expect(batchMaxTimestamp(batch)).toBe(1_700_000_000_123);
    expect(batchBaseTimestamp(batch), "the first record's own, as in Kafka").toBe(1000);
  });

  test("leaves a batch whose checksum fits, and that no client may send", () => {
    const batch = batchOf("none");
    stampAppendTime(batch, 5);
    const fault = validateBatch(batch, { batchBytesMax: 10_000 });
    expect(fault?.reason, "the checksum is looked at first").toBe("ATTRIBUTES");
  });
});

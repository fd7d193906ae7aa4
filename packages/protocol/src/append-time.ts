import assert from "node:assert/strict";
import { crc32c } from "./crc32c.ts";
import {
  batchAttributeMasks,
  batchAttributes,
  batchCrcStart,
  batchFields,
  setInt32,
  setInt64,
} from "./record-batch-header.ts";

/**
 * Gives a whole, valid batch the time at which the broker appends it, in place: every record then has that
 * time, in milliseconds since the epoch, whatever its own is (`message.timestamp.type=LogAppendTime`,
 * KIP-32). Attributes and largest timestamp lie inside what the CRC covers, so it is computed anew; records
 * are not looked into, compressed or not.
 */
export function stampAppendTime(batch: Uint8Array, timestampMs: number): void {
  assert(Number.isSafeInteger(timestampMs) && timestampMs >= 0, `append time ${timestampMs}`);
  const attributes = batchAttributes(batch) | batchAttributeMasks.logAppendTime;
  batch[batchFields.attributes + 1] = attributes & 0xff;
  setInt64(batch, batchFields.maxTimestamp, timestampMs);
  setInt32(batch, batchFields.crc, crc32c(batch, batchCrcStart, batch.length));
}

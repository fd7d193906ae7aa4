import {
  batchBaseOffset,
  batchBytes,
  batchHeaderBytes,
  batchLastOffsetDelta,
  batchMagic,
  batchMaxTimestamp,
  recordBatchMagic,
} from "@ropewalk/protocol";
import type { LogEntry } from "./log-entry.ts";

/** The record offsets an entry covers: [baseOffset, baseOffset + recordCount). */
export interface BatchCoverage {
  readonly baseOffset: number;
  readonly recordCount: number;
  readonly maxTimestampMs: number;
}

/**
 * What an entry covers; `undefined` when it is no record batch and covers nothing: an election's
 * empty entry, a membership change, a command of an internal partition. A batch is an entry whose
 * own length field names exactly its length, so that other bytes are not taken for one by chance.
 */
export function batchCoverage(type: LogEntry["type"], data: Uint8Array): BatchCoverage | undefined {
  if (type !== "normal" || data.length < batchHeaderBytes) return undefined;
  if (batchMagic(data) !== recordBatchMagic || batchBytes(data) !== data.length) return undefined;
  return {
    baseOffset: batchBaseOffset(data),
    recordCount: batchLastOffsetDelta(data) + 1,
    maxTimestampMs: batchMaxTimestamp(data),
  };
}

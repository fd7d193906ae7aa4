import {
  batchBytes,
  batchHeaderBytes,
  isBatchIntact,
  batchMagic,
  recordBatchMagic,
  readRecords,
  RecordBatchBuilder,
} from "@ropewalk/protocol";
import type { LogEntry } from "@ropewalk/log";

/**
 * Whether the entry holds a record batch. The others are a new leader's empty entry and membership
 * changes; they take up no offsets.
 */
export function isRecordBatch(entry: LogEntry): boolean {
  const { type, data } = entry;
  return (
    type === "normal" && data.length >= batchHeaderBytes && batchMagic(data) === recordBatchMagic
  );
}

/** Whether the batch in the entry has the checksum that it says; entries without a batch are intact. */
export function isIntact(entry: LogEntry): boolean {
  const { data } = entry;
  return !isRecordBatch(entry) || (batchBytes(data) === data.length && isBatchIntact(data));
}

/** Wraps a command of an internal state machine into a record batch of one record: its value. */
export function encodeCommandBatch(command: Uint8Array, timestampMs: number): Uint8Array {
  const builder = new RecordBatchBuilder();
  builder.append(timestampMs, undefined, command);
  return builder.build();
}

/** The command in an entry; `undefined` for entries that hold none. */
export function commandOf(entry: LogEntry): Uint8Array | undefined {
  if (!isRecordBatch(entry)) return undefined;
  for (const record of readRecords(entry.data)) return record.value;
  return undefined;
}

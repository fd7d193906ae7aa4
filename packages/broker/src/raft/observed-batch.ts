import type { LogEntry } from "@ropewalk/log";
import { batchNextOffset, readRecords } from "@ropewalk/protocol";
import { isRecordBatch } from "./command-entry.ts";

/** The records of an entry, as far as an observer looks at them; see `RaftObserver`. */
export interface ObservedBatch {
  /** The offset after the last record. */
  readonly nextOffset: number;
  /** The value of the first record; the bytes are those of the entry. */
  readonly firstValue: () => Uint8Array;
}

/** `undefined` of an entry that holds no records. */
export function observedBatch(entry: LogEntry): ObservedBatch | undefined {
  if (!isRecordBatch(entry)) return undefined;
  const firstValue = (): Uint8Array => {
    for (const { value } of readRecords(entry.data)) return value ?? new Uint8Array(0);
    return new Uint8Array(0);
  };
  return { nextOffset: batchNextOffset(entry.data), firstValue };
}

import { recordAlignment, recordHeaderBytes, tableRowBytes } from "./journal-record.ts";

/** A record that has its place in the journal and waits to be written there. */
export interface QueuedRecord {
  readonly sequence: number;
  readonly position: number;
  /** Header and table; sealed when it is written. */
  readonly head: Buffer;
  /** The data of the entries, by reference. */
  readonly data: readonly Uint8Array[];
  /** What the record takes in the file, padding included. */
  readonly bytes: number;
}

/** Data up to this size is copied behind its record's table: cheaper than a buffer of its own in a gathered write. */
const copiedDataBytesMax = 1024;
const padding = Buffer.alloc(recordAlignment);

/** Records in the order of their places. Who appends bounds it. */
export class RecordQueue {
  readonly #records: QueuedRecord[] = [];

  get length(): number {
    return this.#records.length;
  }

  push(record: QueuedRecord): void {
    this.#records.push(record);
  }

  clear(): void {
    this.#records.length = 0;
  }

  /** Takes what one flush writes: records of one file, at least one, then up to `bytesMax`. */
  takeGroup(bytesMax: number): QueuedRecord[] {
    const sequence = this.#records[0]?.sequence;
    let bytes = 0;
    let count = 0;
    for (const record of this.#records) {
      bytes += record.bytes;
      if (record.sequence !== sequence) break;
      if (count > 0 && bytes > bytesMax) break;
      count++;
    }
    return this.#records.splice(0, count);
  }
}

/** Adds the bytes of a sealed record to a gathered write: small data is copied, the rest goes by reference. */
export function gatherRecord(record: QueuedRecord, buffers: Uint8Array[]): void {
  if (record.bytes <= recordHeaderBytes + tableRowBytes + copiedDataBytesMax) {
    buffers.push(copiedRecord(record));
    return;
  }
  buffers.push(record.head);
  let bytes = record.head.length;
  for (const data of record.data) {
    if (data.length > 0) buffers.push(data);
    bytes += data.length;
  }
  if (record.bytes > bytes) buffers.push(padding.subarray(0, record.bytes - bytes));
}

function copiedRecord(record: QueuedRecord): Buffer {
  const whole = Buffer.allocUnsafe(record.bytes);
  whole.set(record.head, 0);
  let at = record.head.length;
  for (const data of record.data) {
    whole.set(data, at);
    at += data.length;
  }
  return whole.fill(0, at);
}

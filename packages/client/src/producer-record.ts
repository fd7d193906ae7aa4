import type { RecordHeader } from "@ropewalk/protocol";

/** Bytes, or text that is sent as UTF-8. */
export type RecordBytes = Uint8Array | string;

/** A named value that travels with a record; names may repeat. */
export interface RecordHeaderInput {
  readonly name: string;
  readonly value?: RecordBytes | null | undefined;
}

/** A record to be written. What is left out, or null, is absent in the log too: it is not empty bytes. */
export interface ProducerRecord {
  readonly topic: string;
  readonly key?: RecordBytes | null | undefined;
  readonly value?: RecordBytes | null | undefined;
  readonly headers?: readonly RecordHeaderInput[] | undefined;
  /** Milliseconds since the epoch; the producer's clock where it is left out. */
  readonly timestampMs?: number | undefined;
  /** Where it goes; chosen by the key, or else by the producer, where it is left out. */
  readonly partition?: number | undefined;
}

/** Where a record is in the log. */
export interface RecordMetadata {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** An earlier attempt had written it; the offset is that of the first write. */
  readonly duplicate: boolean;
}

/** The bytes of a key or value; `undefined` where it is absent. Throws a `TypeError` for anything else. */
export function bytesOf(value: RecordBytes | null | undefined): Uint8Array | undefined {
  if (typeof value === "string") return Buffer.from(value);
  if (value === undefined || value === null) return undefined;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`Keys and values are bytes or text, not ${typeof value}`);
}

/** The same record in memory of its own. */
export function copyOf(record: ProducerRecord): ProducerRecord {
  const copy = (value: RecordBytes | null | undefined): RecordBytes | null | undefined =>
    value instanceof Uint8Array ? Buffer.from(value) : value;
  return {
    ...record,
    key: copy(record.key),
    value: copy(record.value),
    headers: record.headers?.map(({ name, value }) => ({ name, value: copy(value) })),
  };
}

/** Headers as the log has them; `undefined` where there are none. */
export function headersOf(
  headers: readonly RecordHeaderInput[] | undefined,
): readonly RecordHeader[] | undefined {
  if (headers === undefined || headers.length === 0) return undefined;
  return headers.map(({ name, value }) => ({ name, value: bytesOf(value) }));
}

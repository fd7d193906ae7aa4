import assert from "node:assert/strict";
import { fileHeaderBytes } from "./file-header.ts";
import { recordBytes } from "./journal-record.ts";

/** The bounds of a store. All of them may change between two openings of a directory. */
export interface LogConfig {
  /** A journal file is left for the next one before it grows beyond this. A larger record gets a file alone. */
  readonly fileBytesMax: number;
  /** How far ahead of the records the file in use is written with zeros, so that a sync has only data to flush. */
  readonly fillAheadBytes: number;
  /** One flush gathers at most this much, but always a whole record. */
  readonly flushBytesMax: number;
  /** The largest write of one group: its entries' data and 24 bytes an entry. Larger ones are a programmer error. */
  readonly recordBytesMax: number;
  /** Recent entries kept in memory, over all groups. What is not durable yet is kept beyond it. */
  readonly cacheBytesMax: number;
  /** One read from disk, unless a single entry is larger. */
  readonly readBytesMax: number;
}

/** What a broker uses unless told otherwise. */
export const defaultLogConfig: LogConfig = {
  fileBytesMax: 64 * 1024 * 1024,
  fillAheadBytes: 8 * 1024 * 1024,
  flushBytesMax: 16 * 1024 * 1024,
  recordBytesMax: 512 * 1024 * 1024,
  cacheBytesMax: 64 * 1024 * 1024,
  readBytesMax: 1024 * 1024,
};

/** Positions in a file are stored in 32 bits. */
const positionsMax = 0xffff_ffff;

/** Fills in the defaults and asserts that the bounds fit together. */
export function completeLogConfig(config: Partial<LogConfig>): LogConfig {
  const complete = { ...defaultLogConfig, ...config };
  for (const [name, value] of Object.entries(complete)) {
    assert(Number.isSafeInteger(value) && value > 0, `${name} must be positive, not ${value}`);
  }
  assert(complete.fileBytesMax > fileHeaderBytes, `fileBytesMax ${complete.fileBytesMax}`);
  assert(complete.fileBytesMax + complete.recordBytesMax < positionsMax, "files beyond 4 GiB");
  return complete;
}

/** No single flush is longer than this: a file's header says so, to tell a torn write from damage. */
export function flushBytesBound(config: LogConfig): number {
  return config.flushBytesMax + recordBytes(config.recordBytesMax);
}

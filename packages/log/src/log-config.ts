import assert from "node:assert/strict";
import { fileHeaderBytes } from "./journal/file-header.ts";

/** The bounds of a store. All of them may change between two openings of a directory. */
export interface LogConfig {
  /** What the journal may take: entries that outlive this window move to segments. */
  readonly journalBytesMax: number;
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
  /** Entries move to segments at this rate, unless the journal is far beyond its bound; 0: as fast as the disk allows. */
  readonly destageBytesPerSecondMax: number;
  /** A segment is sealed when it has this much, unless its group was told otherwise. */
  readonly segmentBytesMax: number;
  /** A segment is sealed when it is this old and something is added. */
  readonly segmentMsMax: number;
  /** A segment is sealed when it has this many chunks. */
  readonly chunksMax: number;
  /** Files of segments that are kept open for reading. */
  readonly openFilesMax: number;
  /** Pieces of segments that were read lately. */
  readonly chunkCacheBytesMax: number;
  /** Indexes of segments that were read lately. */
  readonly indexCacheBytesMax: number;
  /** Memory for the keys of one compaction. */
  readonly keyMapBytesMax: number;
  /** Compaction reads at most this much a second; 0: as fast as it goes. */
  readonly compactionBytesPerSecondMax: number;
  /** Cold segments are read again at this rate; 0: never. */
  readonly scrubBytesPerSecondMax: number;
  /**
   * With less than this free the disk counts as full. An eighth of it is written ahead in the journal by then, for what
   * must be written though others take the rest; two files of the journal have to hold that.
   */
  readonly diskReserveBytes: number;
  /** How often the free space is looked at. */
  readonly spaceCheckMs: number;
}

/** What a broker uses unless told otherwise. */
export const defaultLogConfig: LogConfig = {
  fileBytesMax: 64 * 1024 * 1024,
  fillAheadBytes: 8 * 1024 * 1024,
  flushBytesMax: 16 * 1024 * 1024,
  recordBytesMax: 512 * 1024 * 1024,
  cacheBytesMax: 64 * 1024 * 1024,
  readBytesMax: 1024 * 1024,
  journalBytesMax: 1536 * 1024 * 1024,
  destageBytesPerSecondMax: 128 * 1024 * 1024,
  segmentBytesMax: 256 * 1024 * 1024,
  segmentMsMax: 7 * 24 * 3600 * 1000,
  chunksMax: 16_384,
  openFilesMax: 128,
  chunkCacheBytesMax: 32 * 1024 * 1024,
  indexCacheBytesMax: 32 * 1024 * 1024,
  keyMapBytesMax: 64 * 1024 * 1024,
  compactionBytesPerSecondMax: 64 * 1024 * 1024,
  scrubBytesPerSecondMax: 4 * 1024 * 1024,
  diskReserveBytes: 128 * 1024 * 1024,
  spaceCheckMs: 1000,
};

/** Bounds that may be zero, which then means none. */
const unboundedNames: ReadonlySet<string> = new Set([
  "destageBytesPerSecondMax",
  "compactionBytesPerSecondMax",
  "scrubBytesPerSecondMax",
]);

/** Positions in a file are stored in 32 bits. */
const positionsMax = 0xffff_ffff;

/** Fills in the defaults and asserts that the bounds fit together. */
export function completeLogConfig(config: Partial<LogConfig>): LogConfig {
  const complete = { ...defaultLogConfig, ...config };
  for (const [name, value] of Object.entries(complete)) {
    const min = unboundedNames.has(name) ? 0 : 1;
    assert(Number.isSafeInteger(value) && value >= min, `${name} must not be ${value}`);
  }
  assert(complete.fileBytesMax > fileHeaderBytes, `fileBytesMax ${complete.fileBytesMax}`);
  assert(complete.fileBytesMax + complete.recordBytesMax < positionsMax, "files beyond 4 GiB");
  return complete;
}

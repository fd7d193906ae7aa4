import { crc32c } from "@ropewalk/protocol";
import type { FilePiece } from "@ropewalk/runtime";
import { type BatchCoverage, batchCoverage } from "../batch-coverage.ts";
import type { LogEntry } from "../log-entry.ts";
import { readUint64, writeUint64 } from "../uint64.ts";

/*
 * One chunk of a segment: entries with at most a mebibyte of data together, or one entry that is larger. It
 * is what one read brings. All numbers are big-endian.
 *
 *   0         80              80 + 32 n
 *   +---------+---------------+--------+--------+-----------------+
 *   | header  | table         | data 0 | data 1 | … data n−1      |
 *   |         | 32 B an entry | back to back, as it was appended  |
 *   +---------+---------------+--------+--------+-----------------+
 *
 *   header: position  bytes  field
 *                  0      4  magic           "RWC1"
 *                  4      4  header CRC      CRC-32C of [8, 80): checked before any length is trusted
 *                  8      4  salt            of the file: a chunk of another file is none here
 *                 12      4  entry count
 *                 16      8  position        of this chunk in the file: a chunk in another place is none
 *                 24      4  table CRC       CRC-32C of the table
 *                 28      4  data bytes
 *                 32      8  first index
 *                 40      8  last index
 *                 48      8  base offset     the offset before the first entry
 *                 56      8  end offset      the offset after the last
 *                 64      8  max timestamp   of the batches; −1: none
 *                 72      8  zeros
 *
 *   table row: position  bytes  field
 *                     0      8  index        consecutive, unless the segment was compacted
 *                     8      8  term
 *                    16      4  data bytes
 *                    20      4  data CRC     CRC-32C, as it was in the journal
 *                    24      1  type         0 normal, 1 confChange, 2 confChangeV2
 *                    25      7  zeros
 */

/** Bytes of a chunk before its table. */
export const chunkHeaderBytes = 80;

/** Bytes of an entry in the table. */
export const chunkRowBytes = 32;

/** The data of a chunk, unless a single entry is larger. */
export const chunkDataBytesMax: number = 1024 * 1024;

/** What a chunk takes in the file beyond its data is bounded by this many entries. */
export const chunkEntriesMax = 8192;

/** The last day that a `Date` knows. */
const timestampMsMax = 8.64e15;
const chunkMagic = 0x5257_4331;
const typeNames = ["normal", "confChange", "confChangeV2"] as const;

/** An entry on its way into a chunk: what the table says of it, and its data, or where that is on disk. */
export interface ChunkEntry {
  readonly index: number;
  readonly term: number;
  readonly type: LogEntry["type"];
  readonly dataBytes: number;
  /** The checksum it was appended with: it goes with the data, and is not made anew. */
  readonly dataCrc: number;
  readonly coverage: BatchCoverage | undefined;
  readonly data: FilePiece;
}

/** An entry that is in memory, as a chunk takes it. */
export function chunkEntryOf(entry: LogEntry): ChunkEntry {
  const { data, index, term, type } = entry;
  const coverage = batchCoverage(type, data);
  return { index, term, type, data, coverage, dataBytes: data.length, dataCrc: crc32c(data) };
}

/** The header of a chunk. */
export interface ChunkHeader {
  readonly position: number;
  readonly entryCount: number;
  readonly tableCrc: number;
  readonly dataBytes: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly baseOffset: number;
  readonly endOffset: number;
  /** -1 where there is none. */
  readonly maxTimestampMs: number;
}

/** A chunk that was read and whose every checksum held. */
export interface Chunk {
  readonly header: ChunkHeader;
  /** In order; their data are slices of what was read. */
  readonly entries: readonly LogEntry[];
}

/** Chunks begin at multiples of this. */
const chunkAlignment = 4096;

/** Where the next chunk begins. */
export function chunkEnd(header: ChunkHeader): number {
  const end = header.position + chunkBytes(header);
  return Math.ceil(end / chunkAlignment) * chunkAlignment;
}

/** What a chunk takes in the file, without the zeros behind it. */
export function chunkBytes({
  dataBytes,
  entryCount,
}: Pick<ChunkHeader, "dataBytes" | "entryCount">): number {
  return chunkHeaderBytes + entryCount * chunkRowBytes + dataBytes;
}

/** Header and table of a chunk whose data follows as the entries have it. There is at least one entry. */
export function encodeChunkHead(
  entries: readonly ChunkEntry[],
  salt: number,
  position: number,
  baseOffset: number,
): { readonly head: Buffer; readonly header: ChunkHeader } {
  const head = Buffer.alloc(chunkHeaderBytes + entries.length * chunkRowBytes);
  let endOffset = baseOffset;
  let maxTimestampMs = -1;
  let dataBytes = 0;
  let at = chunkHeaderBytes;
  for (const entry of entries) {
    encodeRow(head, at, entry);
    at += chunkRowBytes;
    dataBytes += entry.dataBytes;
    const { coverage } = entry;
    if (coverage === undefined) continue;
    endOffset = coverage.baseOffset + coverage.recordCount;
    maxTimestampMs = Math.max(maxTimestampMs, storableTimestamp(coverage.maxTimestampMs));
  }
  const header: ChunkHeader = {
    position,
    entryCount: entries.length,
    tableCrc: crc32c(head, chunkHeaderBytes),
    dataBytes,
    firstIndex: entries[0]?.index ?? 0,
    lastIndex: entries.at(-1)?.index ?? 0,
    baseOffset,
    endOffset,
    maxTimestampMs,
  };
  encodeChunkHeader(head, header, salt);
  return { head, header };
}

/** Writes a header at the beginning of `head`: for a chunk that is copied into another file. */
export function encodeChunkHeader(head: Buffer, header: ChunkHeader, salt: number): void {
  head.writeUInt32BE(chunkMagic, 0);
  head.writeUInt32BE(salt, 8);
  head.writeUInt32BE(header.entryCount, 12);
  writeUint64(head, 16, header.position);
  head.writeUInt32BE(header.tableCrc, 24);
  head.writeUInt32BE(header.dataBytes, 28);
  writeUint64(head, 32, header.firstIndex);
  writeUint64(head, 40, header.lastIndex);
  writeUint64(head, 48, header.baseOffset);
  writeUint64(head, 56, header.endOffset);
  head.writeBigInt64BE(BigInt(header.maxTimestampMs), 64);
  head.writeUInt32BE(crc32c(head, 8, chunkHeaderBytes), 4);
}

/** The header of the chunk that belongs at `position` of the file with this salt; `undefined` if it is none. */
export function decodeChunkHeader(
  bytes: Buffer,
  salt: number,
  position: number,
): ChunkHeader | undefined {
  if (bytes.length < chunkHeaderBytes || bytes.readUInt32BE(0) !== chunkMagic) return undefined;
  if (bytes.readUInt32BE(4) !== crc32c(bytes, 8, chunkHeaderBytes)) return undefined;
  if (bytes.readUInt32BE(8) !== salt || readUint64(bytes, 16) !== position) return undefined;
  return {
    position,
    entryCount: bytes.readUInt32BE(12),
    tableCrc: bytes.readUInt32BE(24),
    dataBytes: bytes.readUInt32BE(28),
    firstIndex: readUint64(bytes, 32),
    lastIndex: readUint64(bytes, 40),
    baseOffset: readUint64(bytes, 48),
    endOffset: readUint64(bytes, 56),
    maxTimestampMs: Number(bytes.readBigInt64BE(64)),
  };
}

/**
 * Which checksums of a chunk are verified: all, or those of header and table, without which no length can be trusted.
 */
export type ChunkChecks = "all" | "head";

/** A whole chunk with its checksums verified; `undefined` when one does not hold. */
export function decodeChunk(
  bytes: Buffer,
  salt: number,
  position: number,
  checks: ChunkChecks = "all",
): Chunk | undefined {
  const header = decodeChunkHeader(bytes, salt, position);
  if (header === undefined || chunkBytes(header) !== bytes.length) return undefined;
  const tableEnd = chunkHeaderBytes + header.entryCount * chunkRowBytes;
  if (crc32c(bytes, chunkHeaderBytes, tableEnd) !== header.tableCrc) return undefined;
  const entries: LogEntry[] = [];
  let dataAt = tableEnd;
  for (let at = chunkHeaderBytes; at < tableEnd; at += chunkRowBytes) {
    const dataEnd = dataAt + bytes.readUInt32BE(at + 16);
    const type = typeNames[bytes[at + 24] ?? typeNames.length];
    if (type === undefined || dataEnd > bytes.length) return undefined;
    const isTrusted =
      checks === "head" || crc32c(bytes, dataAt, dataEnd) === bytes.readUInt32BE(at + 20);
    if (!isTrusted) return undefined;
    const data = bytes.subarray(dataAt, dataEnd);
    entries.push({ index: readUint64(bytes, at), term: readUint64(bytes, at + 8), type, data });
    dataAt = dataEnd;
  }
  return dataAt === bytes.length ? { header, entries } : undefined;
}

/** A client may claim any time: what cannot be a time counts as the nearest that can. */
function storableTimestamp(timestampMs: number): number {
  return Math.min(Math.max(timestampMs, -1), timestampMsMax);
}

function encodeRow(head: Buffer, at: number, entry: ChunkEntry): void {
  writeUint64(head, at, entry.index);
  writeUint64(head, at + 8, entry.term);
  head.writeUInt32BE(entry.dataBytes, at + 16);
  head.writeUInt32BE(entry.dataCrc, at + 20);
  head[at + 24] = typeNames.indexOf(entry.type);
}

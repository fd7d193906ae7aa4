import { crc32c } from "@ropewalk/protocol";
import type { GroupKey } from "../log-entry.ts";
import { readUint64, writeUint64 } from "../uint64.ts";

/*
 * A segment file: the committed entries of one group, one chunk after another, and behind the last chunk of
 * a sealed one its index. All numbers are big-endian. The first 64 bytes keep their meaning in every version.
 * Chunks begin at multiples of 4096, with zeros between them, so that they can be written past the page cache.
 *
 *   0        4096                                       index position        end − 64       end
 *   +--------+---------+---------+------------+---------+---------------------+--------------+
 *   | header | chunk 0 | chunk 1 | …          | chunk n | index, 48 B a chunk | footer, 64 B |
 *   +--------+---------+---------+------------+---------+---------------------+--------------+
 *
 *   header: position  bytes  field
 *                  0      8  magic         "RWSEGMNT"
 *                  8      4  version       1
 *                 12      4  zeros
 *                 16      8  group id
 *                 24      8  incarnation
 *                 32      8  file id       as in the name; never given twice in a directory
 *                 40     20  zeros
 *                 60      4  CRC-32C of [0, 60); also the salt of the file's chunks
 *                 64   4032  zeros
 *
 *   footer: position  bytes  field
 *                  0      8  magic         "RWSEGEND"
 *                  8      4  salt          of the file
 *                 12      4  index CRC     CRC-32C of the index
 *                 16      8  index position
 *                 24      4  chunk count
 *                 28      8  first index
 *                 36      8  last index
 *                 44      8  base offset
 *                 52      8  end offset
 *                 60      4  CRC-32C of [0, 60)
 *
 *   index row: position  bytes  field
 *                     0      8  position             of the chunk
 *                     8      4  chunk bytes          header, table and data
 *                    12      4  entry count
 *                    16      8  first index
 *                    24      8  base offset          of the chunk
 *                    32      8  end offset
 *                    40      8  max timestamp        of this and all chunks before; 2^64 − 1: none
 */

/** Where the first chunk begins. */
export const segmentHeaderBytes = 4096;

const fixedBytes = 64;

/** Bytes at the end of a sealed segment that say where its index is. */
export const segmentFooterBytes = 64;

/** Bytes of an index row. */
export const indexRowBytes = 48;

/** The newest version of the format this code knows. */
export const segmentVersion = 1;

const magic = Buffer.from("RWSEGMNT", "latin1");
const footerMagic = Buffer.from("RWSEGEND", "latin1");
const crcAt = 60;

/** Whose file it is. */
export interface SegmentHeader {
  readonly key: GroupKey;
  readonly fileId: number;
}

/** One chunk, as the index has it. */
export interface ChunkRow {
  readonly position: number;
  readonly bytes: number;
  readonly entryCount: number;
  readonly firstIndex: number;
  readonly baseOffset: number;
  readonly endOffset: number;
  /** The largest of this chunk and all before it in the segment; -1 where there is none. */
  readonly maxTimestampMs: number;
}

/** What each chunk of a file repeats: the CRC in the file's header. */
export function segmentSalt(header: SegmentHeader): number {
  return crc32c(encodeFixed(header), 0, crcAt);
}

/** The bytes a segment begins with, and its salt. */
export function encodeSegmentHeader(header: SegmentHeader): {
  readonly bytes: Buffer;
  readonly salt: number;
} {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  bytes.set(encodeFixed(header), 0);
  return { bytes, salt: bytes.readUInt32BE(crcAt) };
}

function encodeFixed({ key, fileId }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(fixedBytes);
  magic.copy(bytes, 0);
  bytes.writeUInt32BE(segmentVersion, 8);
  writeUint64(bytes, 16, key.groupId);
  writeUint64(bytes, 24, key.incarnation);
  writeUint64(bytes, 32, fileId);
  bytes.writeUInt32BE(crc32c(bytes, 0, crcAt), crcAt);
  return bytes;
}

/** Whose incarnation a file that begins like this is of; to be checked with all else. */
export function segmentIncarnation(bytes: Buffer): number {
  return readUint64(bytes, 24);
}

/** Whether a file begins as this one does, was written by a newer version, or is damaged there. */
export function checkSegmentHeader(
  bytes: Buffer,
  expected: SegmentHeader,
): "sound" | "newer" | "damaged" {
  if (bytes.equals(encodeSegmentHeader(expected).bytes)) return "sound";
  const isSound =
    bytes.length >= fixedBytes &&
    bytes.subarray(0, magic.length).equals(magic) &&
    crc32c(bytes, 0, crcAt) === bytes.readUInt32BE(crcAt);
  return isSound && bytes.readUInt32BE(8) > segmentVersion ? "newer" : "damaged";
}

/** What is written behind the last chunk to seal a segment: its index and the footer. */
export function encodeSegmentIndex(
  rows: readonly ChunkRow[],
  salt: number,
  indexPosition: number,
  lastIndex: number,
): Buffer {
  const indexBytes = rows.length * indexRowBytes;
  const bytes = Buffer.alloc(indexBytes + segmentFooterBytes);
  for (const [at, row] of rows.entries()) encodeRow(bytes, at * indexRowBytes, row);
  const footer = bytes.subarray(indexBytes);
  footerMagic.copy(footer, 0);
  footer.writeUInt32BE(salt, 8);
  footer.writeUInt32BE(crc32c(bytes, 0, indexBytes), 12);
  writeUint64(footer, 16, indexPosition);
  footer.writeUInt32BE(rows.length, 24);
  writeUint64(footer, 28, rows[0]?.firstIndex ?? 0);
  writeUint64(footer, 36, lastIndex);
  writeUint64(footer, 44, rows[0]?.baseOffset ?? 0);
  writeUint64(footer, 52, rows.at(-1)?.endOffset ?? 0);
  footer.writeUInt32BE(crc32c(footer, 0, crcAt), crcAt);
  return bytes;
}

/** The rows of an index with its footer, as it was read; `undefined` when it is not what was written. */
export function decodeSegmentIndex(
  bytes: Buffer,
  salt: number,
  indexPosition: number,
): ChunkRow[] | undefined {
  const indexBytes = bytes.length - segmentFooterBytes;
  if (indexBytes < 0 || indexBytes % indexRowBytes !== 0) return undefined;
  const footer = bytes.subarray(indexBytes);
  const isSound =
    footer.subarray(0, footerMagic.length).equals(footerMagic) &&
    footer.readUInt32BE(crcAt) === crc32c(footer, 0, crcAt) &&
    footer.readUInt32BE(8) === salt &&
    readUint64(footer, 16) === indexPosition &&
    footer.readUInt32BE(24) === indexBytes / indexRowBytes &&
    footer.readUInt32BE(12) === crc32c(bytes, 0, indexBytes);
  if (!isSound) return undefined;
  const rows: ChunkRow[] = [];
  for (let at = 0; at < indexBytes; at += indexRowBytes) rows.push(decodeRow(bytes, at));
  return rows;
}

function encodeRow(bytes: Buffer, at: number, row: ChunkRow): void {
  writeUint64(bytes, at, row.position);
  bytes.writeUInt32BE(row.bytes, at + 8);
  bytes.writeUInt32BE(row.entryCount, at + 12);
  writeUint64(bytes, at + 16, row.firstIndex);
  writeUint64(bytes, at + 24, row.baseOffset);
  writeUint64(bytes, at + 32, row.endOffset);
  bytes.writeBigInt64BE(BigInt(row.maxTimestampMs), at + 40);
}

function decodeRow(bytes: Buffer, at: number): ChunkRow {
  return {
    position: readUint64(bytes, at),
    bytes: bytes.readUInt32BE(at + 8),
    entryCount: bytes.readUInt32BE(at + 12),
    firstIndex: readUint64(bytes, at + 16),
    baseOffset: readUint64(bytes, at + 24),
    endOffset: readUint64(bytes, at + 32),
    maxTimestampMs: Number(bytes.readBigInt64BE(at + 40)),
  };
}

import assert from "node:assert/strict";

/*
 * Kafka's record batch v2, which is also how batches are stored. All numbers are big-endian.
 *
 *   position  bytes  field
 *          0      8  baseOffset            patched by the leader
 *          8      4  length                of what follows this field
 *         12      4  partitionLeaderEpoch  patched by the leader
 *         16      1  magic                 2
 *         17      4  crc                   CRC-32C of everything from position 21 on
 *         21      2  attributes            codec 0-2, timestamp type 3, transactional 4, control 5, delete horizon 6
 *         23      4  lastOffsetDelta
 *         27      8  baseTimestamp         milliseconds since the epoch
 *         35      8  maxTimestamp
 *         43      8  producerId            -1: none
 *         51      2  producerEpoch         -1: none
 *         53      4  baseSequence          -1: none
 *         57      4  recordsCount
 *         61      …  records               compressed as a whole
 *
 * The functions below read one field of the batch that begins at `position`. They do not check
 * anything but that the header is there: bytes from outside go through `validateBatch` first.
 */

/** Bytes of a batch before its first record. */
export const batchHeaderBytes = 61;

/** The only version of the format there is; older ones are refused. */
export const recordBatchMagic = 2;

/** Bytes before those that the `length` field counts. */
export const batchLengthEnd = 12;

/** Where the bytes begin that the CRC covers. */
export const batchCrcStart = 21;

/** Where the fields are that `patchBatch` and the builder write. */
export const batchFields = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;

/** How the records of a batch are compressed; the index is the codec's number in the attributes. */
export const compressionCodecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** How the records of a batch are compressed. */
export type CompressionCodec = (typeof compressionCodecs)[number];

/** The masks of the attributes; bits 7 to 15 are reserved. */
export const batchAttributeMasks = {
  codecMask: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
  reservedMask: 0xff80,
} as const;

/** The whole size of the batch, header included. Needs its first 12 bytes. */
export function batchBytes(bytes: Uint8Array, position: number = 0): number {
  return int32At(bytes, position + batchFields.length) + batchLengthEnd;
}

/** The offset of the batch's first record. */
export function batchBaseOffset(bytes: Uint8Array, position: number = 0): number {
  return int64At(bytes, position + batchFields.baseOffset);
}

/** The offset of the batch's last record. */
export function batchLastOffset(bytes: Uint8Array, position: number = 0): number {
  return batchBaseOffset(bytes, position) + batchLastOffsetDelta(bytes, position);
}

/** The offset after the batch's last record. */
export function batchNextOffset(bytes: Uint8Array, position: number = 0): number {
  return batchLastOffset(bytes, position) + 1;
}

/** The term of the leader that appended the batch; -1 before that. */
export function batchLeaderEpoch(bytes: Uint8Array, position: number = 0): number {
  return int32At(bytes, position + batchFields.leaderEpoch);
}

/** The version of the format; anything but 2 is not a batch that the other functions can read. */
export function batchMagic(bytes: Uint8Array, position: number = 0): number {
  return byteAt(bytes, position + batchFields.magic);
}

/** The stored CRC-32C, as an unsigned number. */
export function batchCrc(bytes: Uint8Array, position: number = 0): number {
  return int32At(bytes, position + batchFields.crc) >>> 0;
}

/** The attributes as an unsigned 16-bit number; see `batchAttributeMasks`. */
export function batchAttributes(bytes: Uint8Array, position: number = 0): number {
  const at = position + batchFields.attributes;
  return (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1);
}

/** How the records are compressed; `undefined` for numbers that no codec has. */
export function batchCodec(bytes: Uint8Array, position: number = 0): CompressionCodec | undefined {
  return compressionCodecs[batchAttributes(bytes, position) & batchAttributeMasks.codecMask];
}

/** Whether the batch belongs to a transaction. */
export function isTransactionalBatch(bytes: Uint8Array, position: number = 0): boolean {
  return (batchAttributes(bytes, position) & batchAttributeMasks.transactional) !== 0;
}

/** Whether the batch holds a marker of the broker rather than records of a client. */
export function isControlBatch(bytes: Uint8Array, position: number = 0): boolean {
  return (batchAttributes(bytes, position) & batchAttributeMasks.control) !== 0;
}

/** The last record's offset minus the base offset. */
export function batchLastOffsetDelta(bytes: Uint8Array, position: number = 0): number {
  return int32At(bytes, position + batchFields.lastOffsetDelta);
}

/**
 * What the timestamps of the records count from, in milliseconds since the epoch; -1: none. It is the
 * first record's until compaction writes a delete horizon in its place.
 */
export function batchBaseTimestamp(bytes: Uint8Array, position: number = 0): number {
  return int64At(bytes, position + batchFields.baseTimestamp);
}

/**
 * When compaction may drop the tombstones or the transaction marker in the batch, in milliseconds since
 * the epoch; `undefined` while no cleaning has decided that (KIP-534).
 */
export function batchDeleteHorizon(bytes: Uint8Array, position: number = 0): number | undefined {
  if ((batchAttributes(bytes, position) & batchAttributeMasks.deleteHorizon) === 0) {
    return undefined;
  }
  return batchBaseTimestamp(bytes, position);
}

/** The largest timestamp of a record, in milliseconds since the epoch; -1: none. */
export function batchMaxTimestamp(bytes: Uint8Array, position: number = 0): number {
  return int64At(bytes, position + batchFields.maxTimestamp);
}

/** The id of the idempotent producer; -1: none. */
export function batchProducerId(bytes: Uint8Array, position: number = 0): number {
  return int64At(bytes, position + batchFields.producerId);
}

/** The epoch of the idempotent producer; -1: none. */
export function batchProducerEpoch(bytes: Uint8Array, position: number = 0): number {
  const at = position + batchFields.producerEpoch;
  return ((byteAt(bytes, at) << 24) >> 16) | byteAt(bytes, at + 1);
}

/** The sequence number of the first record; -1: none. */
export function batchBaseSequence(bytes: Uint8Array, position: number = 0): number {
  return int32At(bytes, position + batchFields.baseSequence);
}

/** The sequence number of the last record, which wraps from 2^31 - 1 to 0; -1: none. */
export function batchLastSequence(bytes: Uint8Array, position: number = 0): number {
  const baseSequence = batchBaseSequence(bytes, position);
  if (baseSequence < 0) return -1;
  return (baseSequence + batchLastOffsetDelta(bytes, position)) & 0x7fffffff;
}

/**
 * How many records the batch holds: one for each of its offsets when it is produced, any smaller number
 * once it was compacted, which leaves gaps between the offsets and may leave no record at all.
 */
export function batchRecordCount(bytes: Uint8Array, position: number = 0): number {
  return int32At(bytes, position + batchFields.recordCount);
}

/**
 * Gives the batch at `position` its place in the log, in place: twelve bytes that the CRC does not
 * cover. `leaderEpoch` is the Raft term, which the format keeps in 31 bits.
 */
export function patchBatch(
  bytes: Uint8Array,
  position: number,
  baseOffset: number,
  leaderEpoch: number,
): void {
  if (!Number.isSafeInteger(baseOffset) || baseOffset < 0) assert.fail(`base offset ${baseOffset}`);
  const isEpoch = leaderEpoch >= -1 && leaderEpoch <= 0x7fffffff;
  if (!isEpoch) assert.fail(`leader epoch ${leaderEpoch}`);
  setInt64(bytes, position + batchFields.baseOffset, baseOffset);
  setInt32(bytes, position + batchFields.leaderEpoch, leaderEpoch);
}

const uint32Values = 0x1_0000_0000;

/** Writes a big-endian 32-bit integer in place. */
export function setInt32(bytes: Uint8Array, at: number, value: number): void {
  if (at + 4 > bytes.length) assert.fail(`write at ${at} of ${bytes.length} bytes`);
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes a big-endian 64-bit integer, a safe one, in place. */
export function setInt64(bytes: Uint8Array, at: number, value: number): void {
  setInt32(bytes, at, Math.floor(value / uint32Values));
  setInt32(bytes, at + 4, value >>> 0);
}

function int32At(bytes: Uint8Array, at: number): number {
  return (
    (byteAt(bytes, at) << 24) |
    (byteAt(bytes, at + 1) << 16) |
    (byteAt(bytes, at + 2) << 8) |
    byteAt(bytes, at + 3)
  );
}

function int64At(bytes: Uint8Array, at: number): number {
  return int32At(bytes, at) * uint32Values + (int32At(bytes, at + 4) >>> 0);
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError(`no byte at ${at} of ${bytes.length}`);
  return byte;
}

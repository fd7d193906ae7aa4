import assert from "node:assert/strict";

import { compress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import {
  batchAttributeMasks,
  batchCrcStart,
  batchFields,
  batchHeaderBytes,
  batchLengthEnd,
  type CompressionCodec,
  compressionCodecs,
  recordBatchMagic,
  setInt32,
  setInt64,
} from "./record-batch-header.ts";
import { varint32BytesMax, varint64BytesMax, varintBytes, writeVarint } from "./record-varint.ts";

/** A name and a value that travel with a record. */
export interface RecordHeader {
  readonly name: string;
  readonly value: Uint8Array | undefined;
}

/** What a batch says about all of its records. */
export interface BatchOptions {
  /** How to compress the records; "none" by default. */
  readonly codec?: CompressionCodec;
  /** The idempotent producer: all three, or none. */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  /** The sequence number of the first record. */
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  /** A marker of the broker rather than records of a client. */
  readonly isControl?: boolean;
}

const noHeaders: readonly RecordHeader[] = [];
const capacityBytesMin = 256;

/** The largest distance of two timestamps in a batch, in milliseconds: its zig-zag form is exact. */
const timestampDeltaMax = 2 ** 51;

/**
 * Writes records straight into the bytes of a record batch v2: append, build, and after `clear()` again
 * from the start, in the same memory. Not one object is made per record.
 */
export class RecordBatchBuilder {
  #bytes: Buffer;
  #length = batchHeaderBytes;
  #recordCount = 0;
  #baseTimestampMs = -1;
  #maxTimestampMs = -1;

  /** @param capacityBytes what to reserve at first; the builder grows beyond it as needed. */
  constructor(capacityBytes: number = 1024) {
    this.#bytes = Buffer.allocUnsafe(Math.max(capacityBytes, capacityBytesMin));
  }

  /** How many records were appended. */
  get recordCount(): number {
    return this.#recordCount;
  }

  /** How large the batch is, header included, before compression. */
  get sizeBytes(): number {
    return this.#length;
  }

  /**
   * Adds a record. Key, value and headers are copied; `timestampMs` counts from the epoch, -1 means
   * none. Ask `recordBytesMax()` before where the batch must not pass a size.
   */
  append(
    timestampMs: number,
    key: Uint8Array | undefined,
    value: Uint8Array | undefined,
    headers: readonly RecordHeader[] = noHeaders,
  ): void {
    const isTimestamp = Number.isSafeInteger(timestampMs) && timestampMs >= -1;
    if (!isTimestamp) assert.fail(`timestamp ${timestampMs}`);
    if (this.#recordCount === 0) this.#baseTimestampMs = timestampMs;
    const timestampDelta = timestampMs - this.#baseTimestampMs;
    const isDelta = Math.abs(timestampDelta) <= timestampDeltaMax;
    if (!isDelta) assert.fail(`timestamp delta ${timestampDelta}`);
    const offsetDelta = this.#recordCount;
    const headBytes = 1 + varintBytes(timestampDelta) + varintBytes(offsetDelta);
    const bodyBytes = headBytes + sizedBytes(key) + sizedBytes(value) + headersBytes(headers);
    this.#reserve(varint32BytesMax + bodyBytes);

    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#length, bodyBytes);
    bytes[at++] = 0; // Attributes of a record: none are defined.
    at = writeVarint(bytes, at, timestampDelta);
    at = writeVarint(bytes, at, offsetDelta);
    at = writeSized(bytes, at, key);
    at = writeSized(bytes, at, value);
    this.#length = writeHeaders(bytes, at, headers);
    this.#recordCount++;
    if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
  }

  /**
   * The batch with its checksum; base offset and leader epoch are for the leader to patch. Without
   * compression it is a slice of the builder's memory: it stays what it is until the builder is used again.
   * There must be a record, since no broker accepts a batch without one.
   */
  build(options: BatchOptions = {}): Buffer {
    assert(this.#recordCount > 0, "a batch needs a record");
    const codec = options.codec ?? "none";
    const batch =
      codec === "none" ? this.#bytes.subarray(0, this.#length) : this.#compressed(codec);
    this.#writeHeader(batch, codec, options);
    setInt32(batch, batchFields.crc, crc32c(batch, batchCrcStart, batch.length));
    return batch;
  }

  /** Forgets the records and keeps the memory: an uncompressed batch that was built is overwritten. */
  clear(): void {
    this.#length = batchHeaderBytes;
    this.#recordCount = 0;
    this.#baseTimestampMs = -1;
    this.#maxTimestampMs = -1;
  }

  #compressed(codec: CompressionCodec): Buffer {
    const records = compress(codec, this.#bytes.subarray(batchHeaderBytes, this.#length));
    const batch = Buffer.allocUnsafe(batchHeaderBytes + records.length);
    batch.set(records, batchHeaderBytes);
    return batch;
  }

  #writeHeader(batch: Buffer, codec: CompressionCodec, options: BatchOptions): void {
    const { producerId = -1, producerEpoch = -1, baseSequence = -1 } = options;
    setInt64(batch, batchFields.baseOffset, 0);
    setInt32(batch, batchFields.length, batch.length - batchLengthEnd);
    setInt32(batch, batchFields.leaderEpoch, -1);
    batch[batchFields.magic] = recordBatchMagic;
    batch.writeUInt16BE(attributes(codec, options), batchFields.attributes);
    setInt32(batch, batchFields.lastOffsetDelta, this.#recordCount - 1);
    setInt64(batch, batchFields.baseTimestamp, this.#baseTimestampMs);
    setInt64(batch, batchFields.maxTimestamp, this.#maxTimestampMs);
    setInt64(batch, batchFields.producerId, producerId);
    batch.writeInt16BE(producerEpoch, batchFields.producerEpoch);
    setInt32(batch, batchFields.baseSequence, baseSequence);
    setInt32(batch, batchFields.recordCount, this.#recordCount);
  }

  #reserve(moreBytes: number): void {
    const needed = this.#length + moreBytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, batchHeaderBytes, batchHeaderBytes, this.#length);
    this.#bytes = grown;
  }
}

/** The most bytes that a record adds to an uncompressed batch. */
export function recordBytesMax(
  key: Uint8Array | undefined,
  value: Uint8Array | undefined,
  headers: readonly RecordHeader[] = noHeaders,
): number {
  const headBytesMax = varint32BytesMax + 1 + varint64BytesMax + varint32BytesMax;
  return headBytesMax + sizedBytes(key) + sizedBytes(value) + headersBytes(headers);
}

function attributes(codec: CompressionCodec, options: BatchOptions): number {
  return (
    compressionCodecs.indexOf(codec) |
    (options.isTransactional === true ? batchAttributeMasks.transactional : 0) |
    (options.isControl === true ? batchAttributeMasks.control : 0)
  );
}

function sizedBytes(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 1 : varintBytes(bytes.length) + bytes.length;
}

function headersBytes(headers: readonly RecordHeader[]): number {
  if (headers.length === 0) return 1;
  let total = varintBytes(headers.length);
  for (const { name, value } of headers) {
    const nameBytes = Buffer.byteLength(name);
    total += varintBytes(nameBytes) + nameBytes + sizedBytes(value);
  }
  return total;
}

/** Writes a length and the bytes, or the length -1 for what is not there. */
function writeSized(target: Buffer, at: number, bytes: Uint8Array | undefined): number {
  if (bytes === undefined) return writeVarint(target, at, -1);
  const start = writeVarint(target, at, bytes.length);
  target.set(bytes, start);
  return start + bytes.length;
}

function writeHeaders(target: Buffer, at: number, headers: readonly RecordHeader[]): number {
  let end = writeVarint(target, at, headers.length);
  for (const { name, value } of headers) {
    end = writeVarint(target, end, Buffer.byteLength(name));
    end += target.write(name, end);
    end = writeSized(target, end, value);
  }
  return end;
}

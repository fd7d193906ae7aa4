import { decompress, decompressedBytesMaxDefault } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import type { RecordHeader } from "./record-batch-builder.ts";
import {
  batchAttributeMasks,
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchBytes,
  batchCodec,
  batchCrc,
  batchCrcStart,
  batchHeaderBytes,
  batchLastOffsetDelta,
  batchMagic,
  batchMaxTimestamp,
  batchRecordCount,
  recordBatchMagic,
} from "./record-batch-header.ts";
import { VarintReader } from "./record-varint.ts";
import { RopewalkError } from "./ropewalk-error.ts";

/** One record of a batch. Its bytes are slices of the batch, or of what it was decompressed to. */
export interface BatchRecord {
  readonly offset: number;
  /** Milliseconds since the epoch; -1: none. */
  readonly timestampMs: number;
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array | undefined;
  readonly headers: readonly RecordHeader[];
}

/** How to read a batch. */
export interface ReadRecordsOptions {
  /** How large the records may be once decompressed; 64 MiB by default. */
  readonly decompressedBytesMax?: number;
}

const noHeaders: readonly RecordHeader[] = [];
const noBytes = new Uint8Array(0);

/**
 * Whether the batch at `position` lies wholly in `bytes` and has the checksum it should have. Whoever
 * gets batches over a wire asks this before reading their records.
 */
export function isBatchIntact(bytes: Uint8Array, position: number = 0): boolean {
  if (bytes.length - position < batchHeaderBytes) return false;
  const end = position + batchBytes(bytes, position);
  if (end > bytes.length || end < position + batchHeaderBytes) return false;
  return crc32c(bytes, position + batchCrcStart, end) === batchCrc(bytes, position);
}

/**
 * The records of one batch in order, made as the loop asks for them. The checksum is not verified:
 * `isBatchIntact()` does. Anything wrong is a `RopewalkError`, after the records before it.
 */
export function* readRecords(
  batch: Uint8Array,
  options: ReadRecordsOptions = {},
): Generator<BatchRecord, void> {
  const cursor = new RecordCursor(options);
  cursor.open(batch);
  while (cursor.next()) {
    const { offset, timestampMs, key, value } = cursor;
    yield { offset, timestampMs, key, value, headers: cursor.headers() };
  }
}

/**
 * The fast way through the records of many batches: one cursor, no object per record, slices only
 * where they are asked for. Offsets ascend within what the header says, and may have gaps: compaction
 * takes records out of a batch and changes neither its offsets nor those of the others.
 *
 *     cursor.open(batch);
 *     while (cursor.next()) sum += cursor.value.length;
 */
export class RecordCursor {
  /** The offset of the present record. */
  offset = -1;
  /** Its timestamp in milliseconds since the epoch; -1: none. */
  timestampMs = -1;
  readonly #decompressedBytesMax: number;
  readonly #reader = new VarintReader(noBytes, 0, 0);
  #records: Uint8Array = noBytes;
  #recordsLeft = 0;
  #recordStart = 0;
  #baseOffset = 0;
  #lastOffset = 0;
  #baseTimestampMs = 0;
  #appendTimestampMs: number | undefined;
  #keyStart = 0;
  #keyEnd = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #headersStart = 0;
  #recordEnd = 0;

  constructor(options: ReadRecordsOptions = {}) {
    this.#decompressedBytesMax = options.decompressedBytesMax ?? decompressedBytesMaxDefault;
  }

  /** Begins with the batch that `batch` is, and decompresses it; `next()` leads to its first record. */
  open(batch: Uint8Array): void {
    checkExtent(batch);
    const codec = batchCodec(batch);
    if (codec === undefined) throw corrupt("its codec is not known");
    const records = batch.subarray(batchHeaderBytes);
    this.#records = decompress(codec, records, this.#decompressedBytesMax);
    this.#reader.bytes = this.#records;
    this.#recordStart = 0;
    this.#recordEnd = 0;
    this.#recordsLeft = batchRecordCount(batch);
    this.#baseOffset = batchBaseOffset(batch);
    this.#lastOffset = this.#baseOffset + batchLastOffsetDelta(batch);
    this.offset = this.#baseOffset - 1;
    this.#baseTimestampMs = batchBaseTimestamp(batch);
    const isAppendTime = (batchAttributes(batch) & batchAttributeMasks.logAppendTime) !== 0;
    this.#appendTimestampMs = isAppendTime ? batchMaxTimestamp(batch) : undefined;
  }

  /** Goes on to the next record; false after the last one. */
  next(): boolean {
    if (this.#recordsLeft <= 0) {
      if (this.#recordEnd !== this.#records.length) throw corrupt("bytes follow its last record");
      return false;
    }
    const reader = this.#reader;
    this.#recordStart = this.#recordEnd;
    reader.position = this.#recordEnd;
    reader.end = this.#records.length;
    const recordBytes = this.#number("the length of a record");
    if (recordBytes < 0 || recordBytes > reader.end - reader.position) {
      throw corrupt(`a record of ${recordBytes} bytes does not fit`);
    }
    reader.end = reader.position + recordBytes;
    this.#recordEnd = reader.end;
    this.#readFields(reader);
    this.#recordsLeft--;
    return true;
  }

  /** The key of the present record: a slice, made anew with every call. */
  get key(): Uint8Array | undefined {
    return this.#keyEnd < this.#keyStart
      ? undefined
      : this.#records.subarray(this.#keyStart, this.#keyEnd);
  }

  /** The value of the present record: a slice, made anew with every call. */
  get value(): Uint8Array | undefined {
    return this.#valueEnd < this.#valueStart
      ? undefined
      : this.#records.subarray(this.#valueStart, this.#valueEnd);
  }

  /**
   * The present record as it is stored, its length in front, not compressed: a slice, made anew with
   * every call. Its deltas count from the base offset and the base timestamp of this batch.
   */
  get encodedRecord(): Uint8Array {
    return this.#records.subarray(this.#recordStart, this.#recordEnd);
  }

  /** The headers of the present record, decoded anew with every call. */
  headers(): readonly RecordHeader[] {
    const reader = this.#reader;
    reader.position = this.#headersStart;
    const count = this.#number("the number of headers");
    // A header takes two bytes at least, so a number that is too large is found before it is believed.
    if (count < 0 || count * 2 > reader.end - reader.position)
      throw corrupt(`${count} headers do not fit`);
    if (count === 0) {
      this.#expectRecordEnd();
      return noHeaders;
    }
    const headers: RecordHeader[] = [];
    for (let index = 0; index < count; index++) headers.push(this.#readHeader());
    this.#expectRecordEnd();
    return headers;
  }

  #readFields(reader: VarintReader): void {
    reader.position++; // The attributes of a record: none are defined.
    const timestampDelta = this.#number("a timestamp");
    this.timestampMs = this.#appendTimestampMs ?? this.#baseTimestampMs + timestampDelta;
    const offset = this.#baseOffset + this.#number("an offset");
    if (offset <= this.offset || offset > this.#lastOffset) {
      throw corrupt(`the offset ${offset} after ${this.offset}, up to ${this.#lastOffset}`);
    }
    this.offset = offset;
    const keyBytes = this.#length("a key");
    this.#keyStart = reader.position;
    this.#keyEnd = this.#keyStart + keyBytes;
    reader.position += Math.max(keyBytes, 0);
    const valueBytes = this.#length("a value");
    this.#valueStart = reader.position;
    this.#valueEnd = this.#valueStart + valueBytes;
    reader.position += Math.max(valueBytes, 0);
    this.#headersStart = reader.position;
    if (reader.position >= reader.end) throw corrupt("a record ends before its headers");
  }

  #readHeader(): RecordHeader {
    const reader = this.#reader;
    const nameBytes = this.#length("the name of a header");
    if (nameBytes < 0) throw corrupt("a header has no name");
    const name = asBuffer(this.#records).toString(
      "utf8",
      reader.position,
      reader.position + nameBytes,
    );
    reader.position += nameBytes;
    const valueBytes = this.#length("the value of a header");
    if (valueBytes < 0) return { name, value: undefined };
    const start = reader.position;
    reader.position += valueBytes;
    return { name, value: this.#records.subarray(start, start + valueBytes) };
  }

  #expectRecordEnd(): void {
    if (this.#reader.position !== this.#recordEnd)
      throw corrupt("bytes follow the headers of a record");
  }

  /** A length that fits into the record; -1: not there. */
  #length(what: string): number {
    const length = this.#number(what);
    const left = this.#reader.end - this.#reader.position;
    if (length < -1 || length > left)
      throw corrupt(`${what} has ${length} bytes, ${left} are left`);
    return length;
  }

  #number(what: string): number {
    const value = this.#reader.read();
    if (value === undefined) throw corrupt(`${what} cannot be read`);
    return value;
  }
}

function checkExtent(batch: Uint8Array): void {
  if (batch.length < batchHeaderBytes)
    throw corrupt(`${batch.length} bytes are less than a header`);
  if (batchMagic(batch) !== recordBatchMagic) throw corrupt(`its version is ${batchMagic(batch)}`);
  const ownBytes = batchBytes(batch);
  if (ownBytes !== batch.length)
    throw corrupt(`it says ${ownBytes} bytes, there are ${batch.length}`);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function corrupt(reason: string): RopewalkError {
  return new RopewalkError("CORRUPT_MESSAGE", `Cannot read the record batch: ${reason}`);
}

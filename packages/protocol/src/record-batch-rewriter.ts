import assert from "node:assert/strict";

import { compress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import {
  batchAttributeMasks,
  batchAttributes,
  batchBaseTimestamp,
  batchCodec,
  batchCrcStart,
  batchFields,
  batchHeaderBytes,
  batchLengthEnd,
  setInt32,
  setInt64,
} from "./record-batch-header.ts";
import type { RecordCursor } from "./record-cursor.ts";
import { VarintReader, varintBytes, writeVarint } from "./record-varint.ts";

/** Same bound as the builder's: the zig-zag form of such a distance, in milliseconds, is exact. */
const timestampDeltaMax = 2 ** 51;

const capacityBytesMin = 256;

/**
 * Writes a batch again with some of its records: what compaction needs. Begin with `clear()`, give it
 * the records that stay as a cursor passes them, and `build()`.
 *
 * Every record keeps its offset: the base offset, the last offset delta and with them the sequence
 * numbers stay what they are, and gaps show where records were. The bytes of a record are copied as
 * they are, so that nothing that this version does not know of gets lost.
 */
export class RecordBatchRewriter {
  readonly #reader = new VarintReader(new Uint8Array(0), 0, 0);
  #records: Buffer = Buffer.allocUnsafe(capacityBytesMin);
  #recordsBytes = 0;
  #recordCount = 0;
  #maxTimestampMs = -1;
  #timestampDeltaMin = 0;
  #timestampDeltaMax = 0;
  #recordAttributes = 0;

  /** How many records stay. */
  get recordCount(): number {
    return this.#recordCount;
  }

  /** Forgets the records, for the next batch. */
  clear(): void {
    this.#recordsBytes = 0;
    this.#recordCount = 0;
    this.#maxTimestampMs = -1;
    this.#timestampDeltaMin = 0;
    this.#timestampDeltaMax = 0;
  }

  /** Keeps the cursor's present record. Its bytes are copied. */
  keep(cursor: RecordCursor): void {
    const record = cursor.encodedRecord;
    const delta = this.#openRecord(record, 0);
    if (delta < this.#timestampDeltaMin) this.#timestampDeltaMin = delta;
    if (delta > this.#timestampDeltaMax) this.#timestampDeltaMax = delta;
    if (cursor.timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = cursor.timestampMs;
    this.#reserve(record.length);
    this.#records.set(record, this.#recordsBytes);
    this.#recordsBytes += record.length;
    this.#recordCount++;
  }

  /**
   * Whether the kept records' timestamps can be told from `deleteHorizonMs` on, as `build()` would have
   * to: not if a client chose one that is some 70,000 years away from it.
   */
  canSetDeleteHorizon(original: Uint8Array, deleteHorizonMs: number): boolean {
    if (!Number.isSafeInteger(deleteHorizonMs) || deleteHorizonMs < 0) return false;
    const shiftMs = batchBaseTimestamp(original) - deleteHorizonMs;
    const least = this.#timestampDeltaMin + shiftMs;
    const largest = this.#timestampDeltaMax + shiftMs;
    return least >= -timestampDeltaMax && largest <= timestampDeltaMax;
  }

  /**
   * The batch `original`, from which the kept records came, with only these: same place, producer,
   * kind and codec; number, size, largest timestamp and checksum are new. A `deleteHorizonMs` replaces
   * the base timestamp (KIP-534), and one that is there stays. Without records it is an empty batch, as
   * Kafka keeps one for its producer's sequence: neither compressed nor with a delete horizon, and with
   * the largest timestamp of the original. The bytes are the caller's.
   */
  build(original: Uint8Array, deleteHorizonMs?: number): Buffer {
    const kept = this.#records.subarray(0, this.#recordsBytes);
    const moved =
      deleteHorizonMs === undefined ? kept : this.#movedTimestamps(original, deleteHorizonMs);
    const codec = this.#recordCount === 0 ? "none" : batchCodec(original);
    assert(codec !== undefined, "a batch that was read has a known codec");
    const compressed = compress(codec, moved);
    const batch = Buffer.allocUnsafe(batchHeaderBytes + compressed.length);
    batch.set(original.subarray(0, batchHeaderBytes));
    batch.set(compressed, batchHeaderBytes);
    this.#patchHeader(batch, deleteHorizonMs);
    return batch;
  }

  #patchHeader(batch: Buffer, deleteHorizonMs: number | undefined): void {
    const { codecMask, deleteHorizon } = batchAttributeMasks;
    let attributes = batchAttributes(batch);
    if (this.#recordCount === 0) {
      attributes &= ~(codecMask | deleteHorizon);
      setInt64(batch, batchFields.baseTimestamp, -1);
    } else {
      // Where the time of the append counts, this is what each record was read with.
      setInt64(batch, batchFields.maxTimestamp, this.#maxTimestampMs);
      if (deleteHorizonMs !== undefined) {
        attributes |= deleteHorizon;
        setInt64(batch, batchFields.baseTimestamp, deleteHorizonMs);
      }
    }
    batch.writeUInt16BE(attributes, batchFields.attributes);
    setInt32(batch, batchFields.length, batch.length - batchLengthEnd);
    setInt32(batch, batchFields.recordCount, this.#recordCount);
    setInt32(batch, batchFields.crc, crc32c(batch, batchCrcStart, batch.length));
  }

  /** The kept records with timestamps that count from the horizon: all that changes in a record. */
  #movedTimestamps(original: Uint8Array, deleteHorizonMs: number): Buffer {
    assert(this.canSetDeleteHorizon(original, deleteHorizonMs), `horizon ${deleteHorizonMs}`);
    const shiftMs = batchBaseTimestamp(original) - deleteHorizonMs;
    const least = varintBytes(this.#timestampDeltaMin + shiftMs);
    const largest = varintBytes(this.#timestampDeltaMax + shiftMs);
    // A record grows by its delta at most, and by one byte if that makes its length longer.
    const grownBytesMax = this.#recordCount * (Math.max(least, largest) + 1);
    const target = Buffer.allocUnsafe(this.#recordsBytes + grownBytesMax);
    let written = 0;
    for (let position = 0; position < this.#recordsBytes; position = this.#reader.end) {
      const delta = this.#openRecord(this.#records, position) + shiftMs;
      const restStart = this.#reader.position;
      const restBytes = this.#reader.end - restStart;
      written = writeVarint(target, written, 1 + varintBytes(delta) + restBytes);
      target[written++] = this.#recordAttributes;
      written = writeVarint(target, written, delta);
      written += this.#records.copy(target, written, restStart, this.#reader.end);
    }
    return target.subarray(0, written);
  }

  /** Reads up to the timestamp delta of the record at `position`; the reader's end is the record's. */
  #openRecord(bytes: Uint8Array, position: number): number {
    const reader = this.#reader;
    reader.bytes = bytes;
    reader.position = position;
    reader.end = bytes.length;
    const recordBytes = reader.read();
    assert(recordBytes !== undefined, "a record that was read has a length");
    reader.end = reader.position + recordBytes;
    this.#recordAttributes = bytes[reader.position++] ?? 0;
    const delta = reader.read();
    assert(delta !== undefined, "a record that was read has a timestamp");
    return delta;
  }

  #reserve(moreBytes: number): void {
    const needed = this.#recordsBytes + moreBytes;
    if (needed <= this.#records.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#records.length * 2));
    this.#records.copy(grown, 0, 0, this.#recordsBytes);
    this.#records = grown;
  }
}

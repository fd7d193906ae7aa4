import {
  batchBaseOffset,
  batchNextOffset,
  batchRecordCount,
  isBatchIntact,
  isControlBatch,
  RecordCursor,
  type RecordHeader,
  RopewalkError,
} from "@ropewalk/protocol";
import type { FetchedChunk, PartitionReader } from "./partition-reader.ts";

/**
 * A record as it was read. Key, value and header values are slices of the message they came in, which they
 * keep in memory: copy what is to be kept for long.
 */
export interface ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch; -1: none. */
  readonly timestampMs: number;
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array | undefined;
  readonly headers: readonly RecordHeader[];
}

/** Records of one partition that were written together. They are decoded when they are first asked for. */
export class ConsumedBatch implements Iterable<ConsumedRecord> {
  readonly topic: string;
  readonly partition: number;
  /** Where the partition goes on after this batch. */
  readonly nextOffset: number;
  /** The end of the partition when the batch was sent. */
  readonly highWatermark: number;
  readonly #chunk: FetchedChunk;
  readonly #recordBatch: Uint8Array;
  readonly #startOffset: number;
  readonly #endOffset: number;
  #records: readonly ConsumedRecord[] | undefined;

  /** Made by the consumer. */
  constructor(
    chunk: FetchedChunk,
    recordBatch: Uint8Array,
    startOffset: number = chunk.startOffset,
  ) {
    this.topic = chunk.reader.topic;
    this.partition = chunk.reader.partition;
    this.nextOffset = Math.min(batchNextOffset(recordBatch), chunk.endOffset);
    this.highWatermark = chunk.highWatermark;
    this.#chunk = chunk;
    this.#recordBatch = recordBatch;
    this.#startOffset = startOffset;
    this.#endOffset = chunk.endOffset;
  }

  /** The same batch without the records before `offset`. */
  from(offset: number): ConsumedBatch {
    return new ConsumedBatch(this.#chunk, this.#recordBatch, offset);
  }

  /** The stored size, compressed if it is. */
  get sizeBytes(): number {
    return this.#recordBatch.length;
  }

  /** How many records there are; known without decoding them unless reading started inside of the batch. */
  get recordCount(): number {
    const isWhole =
      this.#startOffset <= batchBaseOffset(this.#recordBatch) &&
      batchNextOffset(this.#recordBatch) <= this.#endOffset;
    return isWhole ? batchRecordCount(this.#recordBatch) : this.records.length;
  }

  /** The records, in order. Throws CORRUPT_MESSAGE where they cannot be decoded. */
  get records(): readonly ConsumedRecord[] {
    this.#records ??= this.#decode();
    return this.#records;
  }

  [Symbol.iterator](): Iterator<ConsumedRecord> {
    return this.records[Symbol.iterator]();
  }

  #decode(): ConsumedRecord[] {
    const { topic, partition } = this;
    const records: ConsumedRecord[] = [];
    const cursor = new RecordCursor();
    cursor.open(this.#recordBatch);
    while (cursor.next()) {
      const { offset, timestampMs } = cursor;
      if (offset < this.#startOffset || offset >= this.#endOffset) continue;
      const { key, value } = cursor;
      records.push({
        topic,
        partition,
        offset,
        timestampMs,
        key,
        value,
        headers: cursor.headers(),
      });
    }
    return records;
  }
}

/** What is wrong with a record batch that is not as it was written, CORRUPT_MESSAGE. */
export function batchFault(
  { topic, partition }: PartitionReader,
  recordBatch: Uint8Array,
): RopewalkError | undefined {
  if (isBatchIntact(recordBatch)) return undefined;
  const message = `Cannot read ${topic}-${partition}: the batch at ${batchBaseOffset(recordBatch)} is damaged`;
  return new RopewalkError("CORRUPT_MESSAGE", message);
}

/** One of the record batches of a chunk, where it holds records that are wanted. */
export function wantedBatch(
  chunk: FetchedChunk,
  recordBatch: Uint8Array,
): ConsumedBatch | undefined {
  // Markers of the broker are no records.
  if (isControlBatch(recordBatch)) return undefined;
  if (batchNextOffset(recordBatch) <= chunk.startOffset) return undefined;
  if (batchBaseOffset(recordBatch) >= chunk.endOffset) return undefined;
  return new ConsumedBatch(chunk, recordBatch);
}

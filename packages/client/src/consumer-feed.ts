import { splitBatches } from "@ropewalk/protocol";
import type { RopewalkError } from "@ropewalk/protocol";
import {
  batchFault,
  type ConsumedBatch,
  type ConsumedRecord,
  wantedBatch,
} from "./consumed-batch.ts";
import type { FetchedChunk, PartitionReader } from "./partition-reader.ts";

/**
 * What was fetched and not consumed yet, in the order of arrival, handed out record by record or batch by
 * batch. Asking for the next thing says that the application is done with the one before: only then does
 * that count as passed, and does the broker get its credit back.
 */
export class ConsumerFeed {
  readonly #readAgain: (reader: PartitionReader, fault: RopewalkError) => boolean;
  #chunks: FetchedChunk[] = [];
  #chunk: FetchedChunk | undefined;
  // Record batches of the chunk that were not looked at yet, the next one last.
  #batches: Uint8Array[] = [];
  // The batch that is handed out record by record.
  #batch: ConsumedBatch | undefined;
  #recordIndex = 0;
  // What the application has in its hands.
  #handedReader: PartitionReader | undefined;
  #handedOffset = 0;
  readonly #passListeners: (() => void)[] = [];
  readonly #changeListeners: (() => void)[] = [];

  /** `readAgain` is asked when a batch came damaged: whether what was not handed out is on its way once more. */
  constructor(readAgain: (reader: PartitionReader, fault: RopewalkError) => boolean) {
    this.#readAgain = readAgain;
  }

  /** Nothing is left to hand out. */
  get isEmpty(): boolean {
    return this.#chunks.length === 0 && this.#isChunkOver;
  }

  get #isChunkOver(): boolean {
    return (
      this.#batches.length === 0 && (this.#batch === undefined || this.#isBatchOver(this.#batch))
    );
  }

  #isBatchOver(batch: ConsumedBatch): boolean {
    return this.#recordIndex >= batch.records.length;
  }

  /** Adds what was fetched. */
  push(chunk: FetchedChunk): void {
    this.#chunks.push(chunk);
    this.notify();
  }

  /** The next record, if there is one; the one before counts as passed. Throws CORRUPT_MESSAGE. */
  nextRecord(): ConsumedRecord | undefined {
    this.pass();
    for (;;) {
      const record = this.#batch?.records[this.#recordIndex];
      if (record !== undefined) {
        this.#recordIndex++;
        this.#hand(record.offset + 1);
        return record;
      }
      this.#batch = this.#nextBatch();
      this.#recordIndex = 0;
      if (this.#batch === undefined) return undefined;
    }
  }

  /** The next batch, or what is left of the one that was handed out in part; what was before counts as passed. */
  nextBatch(): ConsumedBatch | undefined {
    this.pass();
    const rest = this.#batch?.records[this.#recordIndex];
    const batch = rest === undefined ? this.#nextBatch() : this.#batch?.from(rest.offset);
    this.#batch = undefined;
    if (batch !== undefined) this.#hand(batch.nextOffset);
    return batch;
  }

  #hand(offset: number): void {
    const reader = this.#chunk?.reader;
    reader?.handed(offset);
    this.#handedReader = reader;
    this.#handedOffset = offset;
  }

  /** The application is done with what it was handed. */
  pass(): void {
    const reader = this.#handedReader;
    if (reader !== undefined) {
      this.#handedReader = undefined;
      reader.passed(this.#handedOffset);
      for (const resolve of this.#passListeners.splice(0)) resolve();
    }
    if (this.#chunk !== undefined && this.#isChunkOver) this.#endChunk(this.#chunk);
  }

  #endChunk(chunk: FetchedChunk): void {
    this.#forgetChunk(chunk);
    if (chunk.reader.isStopped) return;
    // Batches without records for the application lie behind it, too.
    chunk.reader.handed(Math.min(chunk.nextOffset, chunk.endOffset));
    chunk.reader.passed(Math.min(chunk.nextOffset, chunk.endOffset));
  }

  #forgetChunk(chunk: FetchedChunk): void {
    this.#chunk = undefined;
    this.#batches = [];
    this.#batch = undefined;
    chunk.stream.giveBack(chunk.recordBatches.length);
  }

  #nextBatch(): ConsumedBatch | undefined {
    for (;;) {
      const chunk = this.#chunk ?? this.#nextChunk();
      if (chunk === undefined) return undefined;
      const recordBatch = this.#batches.at(-1);
      if (recordBatch === undefined) {
        this.#endChunk(chunk);
        continue;
      }
      const fault = batchFault(chunk.reader, recordBatch);
      if (fault !== undefined) {
        // Where nothing better is to come it stays: nobody gets past it.
        if (!this.#readAgain(chunk.reader, fault)) throw fault;
        this.drop(chunk.reader);
        continue;
      }
      const batch = wantedBatch(chunk, recordBatch);
      this.#batches.pop();
      if (batch !== undefined) return batch;
    }
  }

  #nextChunk(): FetchedChunk | undefined {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return undefined;
    this.#batches = splitBatches(chunk.recordBatches).toReversed();
    this.#chunks.shift();
    this.#chunk = chunk;
    return chunk;
  }

  /** Forgets what is left of a reader that was stopped, or reads it again, and gives back its credit. */
  drop(reader: PartitionReader): void {
    const dropped = this.#chunks.filter((chunk) => chunk.reader === reader);
    this.#chunks = this.#chunks.filter((chunk) => chunk.reader !== reader);
    for (const { stream, recordBatches } of dropped) stream.giveBack(recordBatches.length);
    if (this.#chunk?.reader !== reader) return;
    this.#forgetChunk(this.#chunk);
  }

  /** Resolves once the application has nothing of the reader in its hands. */
  async passed(reader: PartitionReader): Promise<void> {
    while (this.#handedReader === reader) {
      await new Promise<void>((resolve) => this.#passListeners.push(resolve));
    }
  }

  /** Resolves at the next `notify`. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#changeListeners.push(resolve));
  }

  /** Wakes whoever waits for a change. */
  notify(): void {
    if (this.#changeListeners.length === 0) return;
    for (const resolve of this.#changeListeners.splice(0)) resolve();
  }
}

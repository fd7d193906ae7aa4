import assert from "node:assert/strict";
import {
  batchBaseOffset,
  batchNextOffset,
  batchProducerId,
  decompressedBytesMaxDefault,
  isBatchIntact,
  isControlBatch,
  isTransactionalBatch,
  RecordCursor,
  RopewalkError,
} from "@ropewalk/protocol";
import { LogError } from "../log-error.ts";
import type { KeyMap } from "./key-map.ts";

/**
 * Whether the transaction of a producer that covers an offset was aborted. It must know of every
 * transaction that has a batch below the end of the dirty section, so that section must end at the last
 * stable offset at the latest.
 */
export type IsAborted = (producerId: number, offset: number) => boolean;

/** What a {@link DirtySection} is made from. */
export interface DirtySectionOptions {
  /** Empty; the section fills it. */
  readonly keyMap: KeyMap;
  /** Where the clean section ends. */
  readonly startOffset: number;
  readonly isAborted: IsAborted;
  /**
   * How large the records of a batch may be once decompressed; 64 MiB by default. Larger batches count as
   * unreadable. It should be the same for every compaction of a log: see `DirtySection.add()`.
   */
  readonly decompressedBytesMax?: number;
}

/**
 * What one compaction knows of the log: the latest offset of each key in the dirty section, which begins
 * where the clean section ends and is as long as the map has room for keys. It is what Kafka's LogCleaner
 * calls building the offset map.
 *
 * It grows by whole batches, so that no tombstone is ever looked at by a cleaning before the cleaning that
 * removes what it deletes: its delete horizon begins with the latter.
 */
export class DirtySection {
  readonly keyMap: KeyMap;
  readonly startOffset: number;
  readonly decompressedBytesMax: number;
  readonly #isAborted: IsAborted;
  readonly #cursor: RecordCursor;
  #endOffset: number;

  constructor(options: DirtySectionOptions) {
    const { keyMap, startOffset, isAborted } = options;
    assert(keyMap.size === 0, "a dirty section begins with an empty map");
    this.keyMap = keyMap;
    this.startOffset = startOffset;
    this.#endOffset = startOffset;
    this.decompressedBytesMax = options.decompressedBytesMax ?? decompressedBytesMaxDefault;
    this.#isAborted = isAborted;
    this.#cursor = new RecordCursor({ decompressedBytesMax: this.decompressedBytesMax });
  }

  /** The log can be compacted up to this offset: what is below it is in the map, or in the clean section. */
  get endOffset(): number {
    return this.#endOffset;
  }

  /**
   * Takes in the next batch. False where its keys do not fit into the map any more: then the section ends
   * before it. Should that be the first batch, the map is too small for this log to be compacted at all.
   * A batch that is damaged throws a `LogError`.
   */
  add(batch: Uint8Array): boolean {
    assertIntact(batch);
    assert(batchBaseOffset(batch) >= this.#endOffset, `a batch before ${this.#endOffset}`);
    // What was rolled back never was a key's latest value.
    const hasKeys = !isControlBatch(batch) && !this.isOfAborted(batch);
    if (hasKeys && !this.#addKeys(batch)) return false;
    this.#endOffset = batchNextOffset(batch);
    return true;
  }

  /** Whether a batch belongs to a transaction that was rolled back. */
  isOfAborted(batch: Uint8Array): boolean {
    return (
      isTransactionalBatch(batch) && this.#isAborted(batchProducerId(batch), batchBaseOffset(batch))
    );
  }

  #addKeys(batch: Uint8Array): boolean {
    const { keyMap } = this;
    keyMap.mark();
    try {
      if (this.#putKeys(batch)) return true;
      keyMap.undo();
      return false;
    } catch (error) {
      // A client may send a sound header with anything behind it. No reader makes sense of such records, so
      // they supersede nothing, and the cleaner keeps them as they are. Were they readable next time, then
      // a tombstone among them could go before the records that it deletes.
      if (!(error instanceof RopewalkError)) throw error;
      keyMap.undo();
      return true;
    }
  }

  #putKeys(batch: Uint8Array): boolean {
    const cursor = this.#cursor;
    cursor.open(batch);
    while (cursor.next()) {
      const { key } = cursor;
      if (key !== undefined && !this.keyMap.put(key, cursor.offset)) return false;
    }
    return true;
  }
}

/** Compaction computes checksums anew: it must not give damaged bytes one that is right. */
export function assertIntact(batch: Uint8Array): void {
  if (isBatchIntact(batch)) return;
  const message = `Cannot compact the batch at offset ${batchBaseOffset(batch)}: its checksum is wrong`;
  throw new LogError("DATA_DAMAGED", message);
}

import {
  batchDeleteHorizon,
  batchLastOffset,
  batchLastSequence,
  batchNextOffset,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  isControlBatch,
  RecordBatchRewriter,
  RecordCursor,
  RopewalkError,
} from "@ropewalk/protocol";
import { assertIntact, type DirtySection } from "./dirty-section.ts";
import { OpenTransactions } from "./open-transactions.ts";

/** How the batches of a log are to be cleaned. */
export interface BatchCleaning {
  /** What the log's dirty section holds. It is complete; nothing behind its end is touched. */
  readonly section: DirtySection;
  /** One clock reading for the whole compaction. */
  readonly nowMs: number;
  /** For how long tombstones and transaction markers stay visible after they were first cleaned. */
  readonly deleteRetentionMs: number;
  /**
   * Whether a batch is the last one of a producer that is still active. Without it the producer's
   * sequence would be forgotten when its state is rebuilt from the log. `lastSequence` is -1 for a
   * marker: answer true there only if the log has no other batch of the producer.
   */
  readonly isLastOfProducer: (
    producerId: number,
    producerEpoch: number,
    lastSequence: number,
    lastOffset: number,
  ) => boolean;
}

/** What a cleaner did so far. */
export interface CleaningStatistics {
  readonly recordsKept: number;
  readonly recordsRemoved: number;
  /** Records without a key, which are among those removed: topics that are compacted refuse them. */
  readonly recordsWithoutKey: number;
  /** Batches with a right checksum whose records cannot be read. They are kept as they are. */
  readonly batchesUnreadable: number;
}

/**
 * Cleans the batches of one log, each once and in order from the first one of the clean section on. The
 * rules are those of Kafka's LogCleaner, with the delete horizons of KIP-534:
 *
 * - A record stays if no later one below the end of the dirty section has its key. Offsets never change.
 * - A tombstone stays until its batch's delete horizon. The first cleaning that sees it as the latest of
 *   its key sets that to its own time plus `deleteRetentionMs`, in the place of the base timestamp.
 * - Records of aborted transactions go. A transaction's marker stays while the cleaning meets any batch of
 *   the transaction; the first cleaning that meets none sets a horizon, after which the marker goes.
 * - The last batch of an active producer stays, empty if need be, and so keeps the producer's sequence.
 */
export class BatchCleaner {
  readonly #cleaning: BatchCleaning;
  readonly #cursor: RecordCursor;
  readonly #rewriter = new RecordBatchRewriter();
  readonly #transactions = new OpenTransactions();
  #recordsKept = 0;
  #recordsRemoved = 0;
  #recordsWithoutKey = 0;
  #batchesUnreadable = 0;
  #hasTombstone = false;

  constructor(cleaning: BatchCleaning) {
    this.#cleaning = cleaning;
    const { decompressedBytesMax } = cleaning.section;
    this.#cursor = new RecordCursor({ decompressedBytesMax });
  }

  /** What was done so far. */
  get statistics(): CleaningStatistics {
    return {
      recordsKept: this.#recordsKept,
      recordsRemoved: this.#recordsRemoved,
      recordsWithoutKey: this.#recordsWithoutKey,
      batchesUnreadable: this.#batchesUnreadable,
    };
  }

  /**
   * What is left of a stored batch: the same bytes if nothing changes, else bytes of the caller's own;
   * `undefined` if nothing is left. A batch that is damaged throws a `LogError`.
   */
  clean(batch: Uint8Array): Uint8Array | undefined {
    assertIntact(batch);
    const isLastTrace = this.#transactions.pass(batch);
    if (batchNextOffset(batch) > this.#cleaning.section.endOffset) return batch;
    if (batchRecordCount(batch) === 0) return this.#isLastOfProducer(batch) ? batch : undefined;
    if (isControlBatch(batch)) return isLastTrace ? this.#cleanMarker(batch) : batch;
    if (this.#cleaning.section.isOfAborted(batch)) return this.#emptied(batch);
    return this.#cleanRecords(batch);
  }

  /** A marker whose transaction has no batch left. */
  #cleanMarker(batch: Uint8Array): Uint8Array | undefined {
    const horizonMs = batchDeleteHorizon(batch);
    if (horizonMs === undefined) return this.#withHorizon(batch);
    return horizonMs <= this.#cleaning.nowMs ? this.#emptied(batch) : batch;
  }

  #withHorizon(batch: Uint8Array): Uint8Array {
    this.#rewriter.clear();
    this.#cursor.open(batch);
    while (this.#cursor.next()) this.#rewriter.keep(this.#cursor);
    const horizonMs = this.#newHorizon(batch);
    return horizonMs === undefined ? batch : this.#rewriter.build(batch, horizonMs);
  }

  #cleanRecords(batch: Uint8Array): Uint8Array | undefined {
    try {
      this.#keepRecords(batch);
    } catch (error) {
      // The dirty section took no key of it either, so nothing was removed in its favour.
      if (!(error instanceof RopewalkError)) throw error;
      this.#batchesUnreadable++;
      return batch;
    }
    const { recordCount } = this.#rewriter;
    if (recordCount === 0) return this.#emptied(batch);
    this.#recordsKept += recordCount;
    this.#recordsRemoved += batchRecordCount(batch) - recordCount;
    const isFirstCleaning = this.#hasTombstone && batchDeleteHorizon(batch) === undefined;
    const horizonMs = isFirstCleaning ? this.#newHorizon(batch) : undefined;
    const isSame = recordCount === batchRecordCount(batch) && horizonMs === undefined;
    return isSame ? batch : this.#rewriter.build(batch, horizonMs);
  }

  /** Gives the rewriter the records that stay. */
  #keepRecords(batch: Uint8Array): void {
    const cursor = this.#cursor;
    const horizonMs = batchDeleteHorizon(batch);
    const keepsTombstones = horizonMs === undefined || this.#cleaning.nowMs < horizonMs;
    this.#rewriter.clear();
    this.#hasTombstone = false;
    let withoutKey = 0;
    cursor.open(batch);
    while (cursor.next()) {
      const { key } = cursor;
      if (key === undefined) withoutKey++;
      else if (this.#isLatest(key, cursor.offset)) this.#keepRecord(keepsTombstones);
    }
    this.#recordsWithoutKey += withoutKey;
  }

  /** A key that the map does not have has its latest record in the clean section: there it is the only one. */
  #isLatest(key: Uint8Array, offset: number): boolean {
    return offset >= this.#cleaning.section.keyMap.get(key);
  }

  #keepRecord(keepsTombstones: boolean): void {
    const isTombstone = this.#cursor.value === undefined;
    if (isTombstone && !keepsTombstones) return;
    this.#hasTombstone ||= isTombstone;
    this.#rewriter.keep(this.#cursor);
  }

  /** The horizon for what the rewriter holds, unless timestamps are too far away for it: then there is none. */
  #newHorizon(batch: Uint8Array): number | undefined {
    const horizonMs = this.#cleaning.nowMs + this.#cleaning.deleteRetentionMs;
    return this.#rewriter.canSetDeleteHorizon(batch, horizonMs) ? horizonMs : undefined;
  }

  /** A batch without its records, or nothing. */
  #emptied(batch: Uint8Array): Uint8Array | undefined {
    this.#recordsRemoved += batchRecordCount(batch);
    if (!this.#isLastOfProducer(batch)) return undefined;
    this.#rewriter.clear();
    return this.#rewriter.build(batch);
  }

  #isLastOfProducer(batch: Uint8Array): boolean {
    const producerId = batchProducerId(batch);
    if (producerId < 0) return false;
    const { isLastOfProducer } = this.#cleaning;
    return isLastOfProducer(
      producerId,
      batchProducerEpoch(batch),
      batchLastSequence(batch),
      batchLastOffset(batch),
    );
  }
}

import {
  batchProducerId,
  batchRecordCount,
  isControlBatch,
  isTransactionalBatch,
  readRecords,
} from "@ropewalk/protocol";

/** What the key of a control record says after its version: how a transaction ended. */
const markerTypes: readonly number[] = [
  0, // aborted
  1, // committed
];

/**
 * Which transactions have batches between the start of the log and where a cleaning has come to: a marker
 * may only go when its transaction has none, or what is left of the transaction would look open for ever.
 * (Kafka's CleanedTransactionMetadata.)
 */
export class OpenTransactions {
  readonly #producerIds = new Set<number>();

  /** Goes past a batch, also an empty one. True for a marker whose transaction has no batch any more. */
  pass(batch: Uint8Array): boolean {
    if (!isTransactionalBatch(batch)) return false;
    const producerId = batchProducerId(batch);
    if (!isControlBatch(batch)) {
      this.#producerIds.add(producerId);
      return false;
    }
    // An emptied marker still ends the transaction, should a batch of it be there.
    if (batchRecordCount(batch) > 0 && !isTransactionMarker(batch)) return false;
    return !this.#producerIds.delete(producerId);
  }
}

function isTransactionMarker(batch: Uint8Array): boolean {
  for (const { key } of readRecords(batch)) {
    const type =
      key === undefined || key.length < 4 ? undefined : ((key[2] ?? 0) << 8) | (key[3] ?? 0);
    return type !== undefined && markerTypes.includes(type);
  }
  return false;
}

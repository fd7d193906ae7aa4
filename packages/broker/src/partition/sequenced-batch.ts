import {
  batchBaseSequence,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
} from "@ropewalk/protocol";
import type { SequencedBatch } from "./producer-table.ts";

/** What the header of a batch says of its producer. */
export function sequencedBatch(bytes: Uint8Array): SequencedBatch {
  return {
    producerId: batchProducerId(bytes),
    producerEpoch: batchProducerEpoch(bytes),
    baseSequence: batchBaseSequence(bytes),
    recordCount: batchRecordCount(bytes),
  };
}

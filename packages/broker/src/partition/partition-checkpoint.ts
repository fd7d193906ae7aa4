import {
  decodePartitionCheckpoint as decode,
  encodePartitionCheckpoint as encode,
} from "@ropewalk/protocol";
import type { ProducerState } from "./producer-table.ts";

/** What a partition keeps beside its log, so that a restart need not apply it from the start. */
export interface PartitionCheckpoint {
  readonly appliedIndex: number;
  readonly producers: Iterable<ProducerState>;
}

/** To bytes: the message `ropewalk.internal.v1.PartitionCheckpoint`. */
export function encodePartitionCheckpoint(checkpoint: PartitionCheckpoint): Uint8Array {
  return encode({
    appliedIndex: checkpoint.appliedIndex,
    producers: [...checkpoint.producers],
  });
}

/** From bytes. */
export function decodePartitionCheckpoint(bytes: Uint8Array): PartitionCheckpoint {
  return decode(bytes);
}

import {
  decodePartitionCheckpoint as decode,
  encodePartitionCheckpoint as encode,
} from "@ropewalk/protocol/internal";
import type { ProducerState } from "./producer-table.ts";

/** What a partition keeps beside its log, so that a restart need not apply it from the start. */
export interface PartitionCheckpoint {
  readonly appliedIndex: number;
  /** The first offset that can be read. */
  readonly startOffset: number;
  /** The offset after the last applied record: the high watermark as of `appliedIndex`. */
  readonly nextOffset: number;
  readonly producers: Iterable<ProducerState>;
}

/** To bytes: the message `ropewalk.internal.v1.PartitionCheckpoint`. */
export function encodePartitionCheckpoint(checkpoint: PartitionCheckpoint): Uint8Array {
  const { appliedIndex, nextOffset, producers, startOffset } = checkpoint;
  return encode({ appliedIndex, startOffset, nextOffset, producers: [...producers] });
}

/** From bytes; `undefined` for one of an early version, which did not say where offsets go on. */
export function decodePartitionCheckpoint(bytes: Uint8Array): PartitionCheckpoint | undefined {
  const { nextOffset, ...checkpoint } = decode(bytes);
  return nextOffset === undefined ? undefined : { ...checkpoint, nextOffset };
}

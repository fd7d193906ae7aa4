import type { Random } from "@ropewalk/runtime";

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;
const shift = 24;

/**
 * MurmurHash2 with Kafka's seed, as a signed 32-bit integer. Every Kafka client places keys with it,
 * so records of one key meet in one partition whoever writes them.
 */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = seed ^ length;
  const blocksEnd = length & ~3;
  for (let position = 0; position < blocksEnd; position += 4) {
    let block = littleEndian32(bytes, position);
    block = Math.imul(block, multiplier);
    block ^= block >>> shift;
    block = Math.imul(block, multiplier);
    hash = Math.imul(hash, multiplier) ^ block;
  }
  hash = mixTail(hash, bytes, blocksEnd);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return (hash ^ (hash >>> 15)) | 0;
}

function littleEndian32(bytes: Uint8Array, position: number): number {
  return (
    byteAt(bytes, position) |
    (byteAt(bytes, position + 1) << 8) |
    (byteAt(bytes, position + 2) << 16) |
    (byteAt(bytes, position + 3) << 24)
  );
}

function mixTail(hash: number, bytes: Uint8Array, start: number): number {
  const rest = bytes.length - start;
  if (rest === 0) return hash;
  let mixed = hash;
  if (rest === 3) mixed ^= byteAt(bytes, start + 2) << 16;
  if (rest >= 2) mixed ^= byteAt(bytes, start + 1) << 8;
  mixed ^= byteAt(bytes, start);
  return Math.imul(mixed, multiplier);
}

function byteAt(bytes: Uint8Array, position: number): number {
  return bytes[position] ?? 0;
}

/** The partition of a key among `partitionCount`, as Kafka's default partitioner chooses it. */
export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

/**
 * Chooses partitions for records without a key: one partition until its batch is closed, then
 * another one at random. Whole batches instead of one record here and one there: fewer, larger
 * requests, and an even spread in the long run.
 */
export class StickyPartition {
  readonly #random: Random;
  #current = -1;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The partition to use now; `partitionCount` is at least 1. */
  current(partitionCount: number): number {
    if (this.#current < 0 || this.#current >= partitionCount) {
      this.#current = this.#random.integer(partitionCount);
    }
    return this.#current;
  }

  /**
   * Tells that the batch of `partition` is closed: the next record goes elsewhere, if there is an elsewhere, and
   * to one of those that are `available`, if there are any.
   */
  batchClosed(
    partition: number,
    partitionCount: number,
    isAvailable: (partition: number) => boolean = () => true,
  ): void {
    if (partition !== this.#current || partitionCount < 2) return;
    // A step of 1 … partitionCount − 1 reaches every other partition with the same probability.
    const step = 1 + this.#random.integer(partitionCount - 1);
    this.#current = (partition + step) % partitionCount;
    for (let further = 0; further < partitionCount; further++) {
      const candidate = (this.#current + further) % partitionCount;
      if (candidate === partition || !isAvailable(candidate)) continue;
      this.#current = candidate;
      return;
    }
  }
}

import type { PartitionReader } from "./partition-reader.ts";

/**
 * How long a batch that came damaged is asked for again. A broker leaves the checksums of what it verified moments ago to
 * who reads it; read again later, the damage is the broker's to find, and another replica's to answer for.
 */
const readAgainMsMax = 30_000;

/** How many times in that time, about. */
const attemptsMax = 30;

/** So much later a batch is asked for again. */
export const readAgainAfterMs: number = readAgainMsMax / attemptsMax;

interface DamagedRead {
  readonly offset: number | undefined;
  readonly sinceMs: number;
}

/** Which readers met a batch that was not as it was written, and for how long it has been so. */
export class DamagedReads {
  readonly #reads = new WeakMap<PartitionReader, DamagedRead>();

  /** Whether the batch that comes next is worth another attempt; a reader that came further since has all of them again. */
  mayReadAgain(reader: PartitionReader, nowMs: number): boolean {
    const { handedOffset: offset } = reader;
    const known = this.#reads.get(reader);
    if (known !== undefined && known.offset === offset)
      return nowMs - known.sinceMs < readAgainMsMax;
    this.#reads.set(reader, { offset, sinceMs: nowMs });
    return true;
  }
}

import { assert } from "../assert.ts";

/**
 * The appends sent to one peer and not yet acknowledged, oldest first, bounded by count and by bytes.
 *
 * The bound in bytes is checked before adding, not after: a single append larger than the whole window
 * takes the window alone instead of waiting for ever.
 */
export class Inflights {
  readonly countMax: number;
  readonly bytesMax: number;
  /** Ring of the last index of each append; grows by doubling up to `countMax`. */
  #lastIndexes: number[] = [];
  #bytes: number[] = [];
  #start = 0;
  #count = 0;
  #bytesTotal = 0;

  constructor(countMax: number, bytesMax: number) {
    assert(countMax > 0, "the in-flight window holds at least one append");
    this.countMax = countMax;
    this.bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.countMax || this.#bytesTotal >= this.bytesMax;
  }

  /** Notes an append whose last entry is `lastIndex`. Only while not {@link full}; indexes never fall. */
  add(lastIndex: number, bytes: number): void {
    assert(!this.full, "an append was sent although the in-flight window is full");
    if (this.#count === this.#lastIndexes.length) this.#grow();
    const position = (this.#start + this.#count) % this.#lastIndexes.length;
    this.#lastIndexes[position] = lastIndex;
    this.#bytes[position] = bytes;
    this.#count++;
    this.#bytesTotal += bytes;
  }

  /** Forgets every append whose last entry is at most `index`. */
  freeUpTo(index: number): void {
    const size = this.#lastIndexes.length;
    while (this.#count > 0 && (this.#lastIndexes[this.#start] as number) <= index) {
      this.#bytesTotal -= this.#bytes[this.#start] as number;
      this.#start = (this.#start + 1) % size;
      this.#count--;
    }
  }

  /** Forgets everything. */
  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytesTotal = 0;
  }

  /** A ring of small size serves most peers; only a peer with a long pipeline pays for one. */
  #grow(): void {
    const sizeMin = 8;
    const size = Math.min(Math.max(this.#lastIndexes.length * 2, sizeMin), this.countMax);
    const lastIndexes: number[] = [];
    const bytes: number[] = [];
    for (let offset = 0; offset < this.#count; offset++) {
      const position = (this.#start + offset) % this.#lastIndexes.length;
      lastIndexes.push(this.#lastIndexes[position] as number);
      bytes.push(this.#bytes[position] as number);
    }
    while (lastIndexes.length < size) {
      lastIndexes.push(0);
      bytes.push(0);
    }
    this.#lastIndexes = lastIndexes;
    this.#bytes = bytes;
    this.#start = 0;
  }
}

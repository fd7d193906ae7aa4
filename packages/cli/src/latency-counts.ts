/** Latencies are kept to a tenth of a millisecond: one count for each that occurs. */
const stepsPerMs = 10;

/** How often each latency occurred. Takes memory per distinct latency, not per record. */
export class LatencyCounts {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Counts `count` records that took `ms`. */
  add(ms: number, count: number): void {
    const step = Math.round(ms * stepsPerMs);
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + count);
    this.#count += count;
    this.#sumMs += ms * count;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** The mean, in milliseconds; 0 of nothing. */
  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  /** The longest, in milliseconds; 0 of nothing. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** The smallest latency that a share of all records (0 to 1) did not exceed, in milliseconds; 0 of nothing. */
  percentileMs(share: number): number {
    let left = Math.max(1, Math.ceil(this.#count * share));
    for (const [step, count] of [...this.#counts].toSorted(([a], [b]) => a - b)) {
      left -= count;
      if (left <= 0) return step / stepsPerMs;
    }
    return 0;
  }
}

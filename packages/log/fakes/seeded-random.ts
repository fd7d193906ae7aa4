import type { Random } from "@ropewalk/runtime";

/** Randomness that a seed repeats (mulberry32); for tests. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  integer(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound);
  }

  /** Whether something happens that happens in `percent` of all cases. */
  chance(percent: number): boolean {
    return this.integer(100) < percent;
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => this.integer(16).toString(16)).join("");
    return [8, 12, 16, 20, 32]
      .map((end, part, ends) => hex.slice(part === 0 ? 0 : ends[part - 1], end))
      .join("-");
  }
}

/** The seed of a random test: `ROPEWALK_TEST_SEED` to have a run again, else a new one. */
export function testSeed(): number {
  const text = process.env["ROPEWALK_TEST_SEED"];
  return text === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(text);
}

/** The same numbers for the same seed (mulberry32). */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number in [0, bound). */
  integer(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  /** Whether something happens that does so once in `times`. */
  oneIn(times: number): boolean {
    return this.integer(times) === 0;
  }
}

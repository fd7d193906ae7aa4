import { assert } from "../assert.ts";

/**
 * Spreads elections over time: of all that want one, at most so many begin per tick. Each candidate
 * waits its delay, then in line; who needs none any more when its turn comes does not count.
 */
export class ElectionAdmission<Candidate> {
  /** Candidates by the tick at which their delay ends, as a ring. */
  readonly #delayed: Candidate[][];
  #position = 0;
  #line: Candidate[] = [];
  #head = 0;

  constructor(delayTicksMax: number) {
    this.#delayed = Array.from({ length: delayTicksMax + 1 }, () => []);
  }

  /** A delay of 0 ends with the next tick. The caller asks once per candidate until its turn came. */
  request(candidate: Candidate, delayTicks: number): void {
    const position = (this.#position + delayTicks) % this.#delayed.length;
    const slot = this.#delayed[position];
    assert(
      delayTicks < this.#delayed.length && slot !== undefined,
      "the delay is within its bound",
    );
    slot.push(candidate);
  }

  /**
   * Lets at most `countMax` elections begin, and answers how many did. `start` answers whether one did, or was not needed
   * any more.
   */
  tick(countMax: number, start: (candidate: Candidate) => boolean): number {
    this.#lineUp();
    let started = 0;
    while (started < countMax && this.#head < this.#line.length) {
      const candidate = this.#line[this.#head] as Candidate;
      this.#head++;
      if (start(candidate)) started++;
    }
    // Gives served places back once they are the larger part.
    if (this.#head * 2 >= this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
    return started;
  }

  #lineUp(): void {
    const due = this.#delayed[this.#position] ?? [];
    this.#delayed[this.#position] = [];
    this.#position = (this.#position + 1) % this.#delayed.length;
    if (this.#line.length === 0) this.#line = due;
    else for (const candidate of due) this.#line.push(candidate);
  }
}

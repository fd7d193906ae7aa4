/** The terms of a log, as runs: terms change rarely, so that a log of any length has few of them. */
export class TermRuns {
  readonly #startIndexes: number[] = [];
  readonly #terms: number[] = [];

  /** The term of the last entry that was pushed; 0 when there is none. */
  get last(): number {
    return this.#terms.at(-1) ?? 0;
  }

  /** Says that `index`, which follows every index pushed before, has `term`. */
  push(index: number, term: number): void {
    if (term === this.last && this.#terms.length > 0) return;
    this.#startIndexes.push(index);
    this.#terms.push(term);
  }

  /** The runs, oldest first: the first index of each, and its term. */
  *runs(): Iterable<readonly [startIndex: number, term: number]> {
    for (const [row, startIndex] of this.#startIndexes.entries()) {
      yield [startIndex, this.#terms[row] ?? 0];
    }
  }

  /** Forgets every index < `index`; that of `index` itself stays. */
  forgetBefore(index: number): void {
    let count = 0;
    while ((this.#startIndexes[count + 1] ?? Number.POSITIVE_INFINITY) <= index) count++;
    this.#startIndexes.splice(0, count);
    this.#terms.splice(0, count);
  }

  /** Forgets every index >= `index`. */
  truncate(index: number): void {
    while ((this.#startIndexes.at(-1) ?? -1) >= index) {
      this.#startIndexes.pop();
      this.#terms.pop();
    }
  }

  /** The term of an index that was pushed. */
  at(index: number): number {
    let low = 0;
    let high = this.#startIndexes.length;
    if ((this.#startIndexes[high - 1] ?? 0) <= index) return this.last;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#startIndexes[middle] ?? 0) <= index) low = middle;
      else high = middle;
    }
    return this.#terms[low] ?? 0;
  }
}

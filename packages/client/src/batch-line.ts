/** What a line needs to know of a batch. */
export interface LinedBatch {
  /** Position among the batches of the partition. */
  readonly order: number;
  /** By the monotonic clock; of two batches the later one in order is not older. */
  readonly createdAtMs: number;
}

/**
 * Batches that wait for their turn, in order. There may be hundreds of thousands, where each holds one record: taking
 * the first, and looking for old ones, costs the same however many wait. (`Array.shift` moves all that are left, once
 * there are many.)
 */
export class BatchLine<Batch extends LinedBatch> {
  /** Those before `#head` are gone. */
  #places: (Batch | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#places.length - this.#head;
  }

  get first(): Batch | undefined {
    return this.#places[this.#head];
  }

  /** Adds one that comes after all others. */
  push(batch: Batch): void {
    this.#places.push(batch);
  }

  /** Puts one back where it belongs, which is near the front. */
  insert(batch: Batch): void {
    let at = this.#head;
    while ((this.#places[at]?.order ?? Number.POSITIVE_INFINITY) < batch.order) at++;
    if (at === this.#head && at > 0) this.#places[--this.#head] = batch;
    else this.#places.splice(at, 0, batch);
  }

  /** Takes the first one out. */
  shift(): Batch | undefined {
    const batch = this.first;
    if (batch === undefined) return undefined;
    this.#places[this.#head++] = undefined; // Nothing here may keep its bytes.
    // Gives the places back once most are empty: what is moved then was paid for by as many turns.
    if (this.#head * 2 > this.#places.length) {
      this.#places = this.#places.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }

  /** Takes those out that were created at `cutoffMs` or before. */
  takeOld(cutoffMs: number): Batch[] {
    const old: Batch[] = [];
    for (
      let { first } = this;
      first !== undefined && first.createdAtMs <= cutoffMs;
      { first } = this
    ) {
      this.shift();
      old.push(first);
    }
    return old;
  }
}

import assert from "node:assert/strict";

/** Somebody who wants to receive a frame and must wait until others were handled. */
export interface BudgetWaiter {
  readonly wantedBytes: number;
  /** The bytes are reserved now. Called from within `release` of another. */
  onReserved(): void;
}

/**
 * Bytes that may be in memory at one time, for frames that arrive. Whoever finds it used up waits in
 * line. A frame larger than the whole budget gets it when nobody else has any, so that nothing waits
 * for ever.
 */
export class ReceiveBudget {
  readonly #bytesMax: number;
  readonly #waiting = new Set<BudgetWaiter>();
  #usedBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes the bytes the waiter wants, or puts it in line and answers false. */
  reserve(waiter: BudgetWaiter): boolean {
    if (this.#waiting.size === 0 && this.#take(waiter.wantedBytes)) return true;
    this.#waiting.add(waiter);
    return false;
  }

  /** Gives bytes back and serves those who wait, in the order they came. */
  release(bytes: number): void {
    this.#usedBytes -= bytes;
    assert(this.#usedBytes >= 0, "more bytes were released than were reserved");
    this.#serve();
  }

  /** Leaves the line; harmless for somebody who is not in it. */
  cancel(waiter: BudgetWaiter): void {
    if (this.#waiting.delete(waiter)) this.#serve();
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      if (!this.#take(waiter.wantedBytes)) return;
      this.#waiting.delete(waiter);
      waiter.onReserved();
    }
  }

  #take(bytes: number): boolean {
    if (this.#usedBytes > 0 && this.#usedBytes + bytes > this.#bytesMax) return false;
    this.#usedBytes += bytes;
    return true;
  }
}

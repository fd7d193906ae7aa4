import type { Clock } from "@ropewalk/runtime";

interface Waiter {
  readonly offset: number;
  readonly listener: () => void;
}

/**
 * Readers at the end of a partition, waiting for its high watermark to pass an offset. They are told
 * once per turn of the event loop, so that entries that commit together are read together.
 */
export class RecordWaiters {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #scheduled = false;
  #highWatermark = 0;
  #everybody = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Runs `listener` once the watermark is above `offset`; answers how to take it back. */
  add(offset: number, listener: () => void): () => void {
    const waiter = { offset, listener };
    this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  /** The watermark moved. */
  advance(highWatermark: number): void {
    this.#highWatermark = highWatermark;
    this.#schedule();
  }

  /** Whoever waits is told, whatever it waits for. */
  wakeAll(): void {
    // Who comes later waits for what is to come.
    if (this.#waiters.size === 0) return;
    this.#everybody = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiters.size === 0) return;
    this.#scheduled = true;
    this.#clock.defer(() => this.#notify());
  }

  #notify(): void {
    this.#scheduled = false;
    const everybody = this.#everybody;
    this.#everybody = false;
    for (const waiter of [...this.#waiters]) {
      if (!everybody && waiter.offset >= this.#highWatermark) continue;
      this.#waiters.delete(waiter);
      waiter.listener();
    }
  }
}

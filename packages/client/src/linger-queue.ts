import type { Clock, Timer } from "@ropewalk/runtime";

/** Something that waits since it was created. */
export interface Lingering {
  readonly createdAtMs: number;
}

/**
 * Tells when things have waited long enough. All wait equally long, so the oldest is always first, and one
 * timer serves all. Without any time to wait they are due once the input at hand was handled.
 */
export class LingerQueue<Item extends Lingering> {
  readonly #clock: Clock;
  readonly #lingerMs: number;
  readonly #onDue: (item: Item) => void;
  #items: Item[] = [];
  #timer: Timer | undefined;
  #isDeferred = false;

  constructor(clock: Clock, lingerMs: number, onDue: (item: Item) => void) {
    this.#clock = clock;
    this.#lingerMs = lingerMs;
    this.#onDue = onDue;
  }

  /** Adds an item that was created just now. */
  push(item: Item): void {
    this.#items.push(item);
    if (this.#lingerMs > 0)
      this.#timer ??= this.#clock.setTimer(this.#lingerMs, () => this.#onTimer());
    else if (!this.#isDeferred) {
      this.#isDeferred = true;
      this.#clock.defer(() => this.#onTimer());
    }
  }

  /** Whether nothing waits to be due. */
  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Everything is due now. */
  flush(): void {
    const items = this.#items;
    this.#items = [];
    for (const item of items) this.#onDue(item);
  }

  /** Tells nothing any more. */
  close(): void {
    this.#timer?.cancel();
    this.#items = [];
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#isDeferred = false;
    const createdAtMsMax = this.#clock.monotonicMs() - this.#lingerMs;
    const youngAt = this.#items.findIndex((item) => item.createdAtMs > createdAtMsMax);
    const due = this.#items.splice(0, youngAt === -1 ? this.#items.length : youngAt);
    const next = this.#items[0];
    if (next !== undefined) {
      this.#timer = this.#clock.setTimer(next.createdAtMs - createdAtMsMax, () => this.#onTimer());
    }
    for (const item of due) this.#onDue(item);
  }
}

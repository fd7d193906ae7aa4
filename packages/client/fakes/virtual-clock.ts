import type { Clock, Timer } from "@ropewalk/runtime";

interface VirtualTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Time that stands still until a test moves it. `defer` runs in a microtask. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<VirtualTimer>();

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  defer(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** Timers that were set and neither ran nor were cancelled. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Moves time, running what becomes due in the order of its due times. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = endMs;
  }

  #earliest(): VirtualTimer | undefined {
    let earliest: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (earliest === undefined || timer.dueMs < earliest.dueMs) earliest = timer;
    }
    return earliest;
  }
}

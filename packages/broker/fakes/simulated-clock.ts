import type { Clock, Timer } from "@ropewalk/runtime";

interface Event {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock for tests: time moves when the test says so, and everything due happens in order. */
export class SimulatedClock implements Clock {
  #nowMs = 1_000;
  #events: Event[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const event = { atMs: this.#nowMs + delayMs, callback };
    const later = this.#events.findIndex(({ atMs }) => atMs > event.atMs);
    this.#events.splice(later < 0 ? this.#events.length : later, 0, event);
    return { cancel: () => void (this.#events = this.#events.filter((other) => other !== event)) };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  /** Timers that are set, and not cancelled. */
  get timerCount(): number {
    return this.#events.length;
  }

  /** The process stands still for `ms`: whatever was due is late. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Lets `ms` pass, and all that follows from it. */
  async run(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      const next = this.#events[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#events.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = endMs;
  }
}

import assert from "node:assert/strict";
import type { Clock, Timer } from "../clock.ts";

/** The longest delay that `setTimeout` keeps; it turns anything above into one millisecond. */
const NODE_DELAY_MS_MAX = 2 ** 31 - 1;

/** The machine's clocks and Node's timers. */
export class NodeClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  /** A delay of 0 or less runs the callback in a later turn, never inside the call. */
  setTimer(delayMs: number, callback: () => void): Timer {
    return new NodeTimer(delayMs, callback);
  }

  /** `setImmediate`: after the poll phase of the event loop, which delivers waiting input. */
  defer(callback: () => void): void {
    setImmediate(callback);
  }
}

class NodeTimer implements Timer {
  readonly #dueMs: number;
  readonly #callback: () => void;
  #timeout: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    assert(Number.isFinite(delayMs), `Timer delay must be a finite number, not ${delayMs}`);
    this.#dueMs = performance.now() + delayMs;
    this.#callback = callback;
    this.#timeout = this.#arm(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  #arm(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#fire(), Math.min(Math.ceil(delayMs), NODE_DELAY_MS_MAX));
  }

  // Node counts from the start of the turn, in whole milliseconds, so that a timer may fire up to
  // a millisecond early by the monotonic clock; and a delay above its limit ends there. Both are
  // seen here, and the rest is waited for.
  #fire(): void {
    const remainingMs = this.#dueMs - performance.now();
    if (remainingMs > 0) this.#timeout = this.#arm(remainingMs);
    else this.#callback();
  }
}

import type { Clock, Random } from "@ropewalk/runtime";

/** How pauses between attempts grow. */
export interface BackoffLimits {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** What every retry of this package uses: 20 ms at first, then twice as long each time, one second at most. */
const defaultBackoff: BackoffLimits = { initialMs: 20, maxMs: 1_000 };

/**
 * Pauses that double up to a cap, each drawn uniformly from the upper half of its range: many clients
 * that failed at the same instant do not come back at the same instant.
 */
export class Backoff {
  readonly #random: Random;
  readonly #limits: BackoffLimits;
  #attempt = 0;

  constructor(random: Random, limits: BackoffLimits = defaultBackoff) {
    this.#random = random;
    this.#limits = limits;
  }

  /** The next pause in milliseconds; at least `atLeastMs`, which is what a broker asked for. */
  nextMs(atLeastMs = 0): number {
    const { initialMs, maxMs } = this.#limits;
    const ceilingMs = Math.min(maxMs, initialMs * 2 ** this.#attempt);
    if (ceilingMs < maxMs) this.#attempt++;
    const floorMs = Math.floor(ceilingMs / 2);
    return Math.max(atLeastMs, floorMs + this.#random.integer(ceilingMs - floorMs + 1));
  }

  /** Starts again with the shortest pause: something succeeded. */
  reset(): void {
    this.#attempt = 0;
  }
}

/** Resolves after `delayMs`, or at once when `signal` is or becomes aborted. Never rejects. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.setTimer(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
    function done(): void {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

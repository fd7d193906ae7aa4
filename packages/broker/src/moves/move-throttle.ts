import type { Clock, Timer } from "@ropewalk/runtime";

/** What throttling needs. */
export interface MoveThrottleOptions {
  readonly clock: Clock;
  /** 0: without a bound. */
  readonly bytesPerSecond: () => number;
  /** What was not admitted may ask again. */
  readonly freed: () => void;
}

/**
 * Bounds what this broker sends to replicas that come, and fetches for its own: the rate is the metadata's. Something
 * larger than what is left of the moment is admitted all the same, and paid for by those after it.
 */
export class MoveThrottle {
  readonly #options: MoveThrottleOptions;
  /** Those that `admitted` has wait, in the order in which they came. */
  readonly #waiting: (() => void)[] = [];
  #freeAtMs = 0;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: MoveThrottleOptions) {
    this.#options = options;
  }

  /** Whether so many bytes may move now; where not, `freed` is called once they may. */
  admit(bytes: number): boolean {
    const { bytesPerSecond, clock } = this.#options;
    const rate = bytesPerSecond();
    if (rate === 0) return true;
    const nowMs = clock.monotonicMs();
    if (this.#freeAtMs > nowMs) {
      this.#announce(this.#freeAtMs - nowMs);
      return false;
    }
    this.#freeAtMs = nowMs + (bytes / rate) * 1000;
    return true;
  }

  /**
   * Resolves when so many bytes may move, and counts them. Where they are not wanted any more when their turn comes, or
   * this is stopped, it resolves without: others do not pay for what nobody fetches.
   */
  async admitted(bytes: number, isWanted: () => boolean = () => true): Promise<void> {
    while (!this.#isStopped && isWanted() && !this.admit(bytes)) {
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
  }

  /** The rate is another one: what waits because of the one before asks again at once. */
  rateChanged(): void {
    this.#freeAtMs = 0;
    this.#free();
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #announce(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer ??= this.#options.clock.setTimer(Math.max(1, delayMs), () => this.#free());
  }

  #free(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.#options.freed();
  }
}

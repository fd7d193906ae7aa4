import type { Clock, Timer } from "@ropewalk/runtime";

/** Records that came while others were under way leave no sooner than this after those left. */
const paceMs = 2;

/** What departures are decided from, and what they do. */
export interface DepartureHost {
  /** Whether nothing that was sent waits for its answer. */
  readonly isIdle: () => boolean;
  /** Whether records wait for others. */
  readonly hasWaiting: () => boolean;
  /** Everything that waits leaves. */
  readonly depart: () => void;
}

/**
 * When records leave that nobody told how long to wait for others (after Nagle, RFC 896): at the end of the turn where
 * nothing is under way, otherwise once all answers are there. Under a steady flow the second is not a moment later but a
 * pace after the last departure: each round wakes every broker several times, however few records it carries.
 */
export class Departures {
  readonly #clock: Clock;
  readonly #host: DepartureHost;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #isClosed = false;
  /** Whether a departure is set already. */
  #isSet = false;

  constructor(clock: Clock, host: DepartureHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** A record waits that had none before it. */
  opened(): void {
    if (this.#isSet || !this.#host.isIdle()) return;
    this.#isSet = true;
    this.#clock.defer(() => this.#depart());
  }

  /** Nothing is under way any more. */
  idle(): void {
    if (this.#isSet || !this.#host.hasWaiting()) return;
    const leftMs = this.#lastMs + paceMs - this.#clock.monotonicMs();
    if (leftMs <= 0) {
      this.#depart();
      return;
    }
    this.#isSet = true;
    this.#timer = this.#clock.setTimer(leftMs, () => this.#depart());
  }

  /** Nothing leaves any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #depart(): void {
    this.#isSet = false;
    this.#timer = undefined;
    if (this.#isClosed) return;
    this.#lastMs = this.#clock.monotonicMs();
    this.#host.depart();
  }
}

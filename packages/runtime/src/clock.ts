/** A timer that was set on a {@link Clock}. */
export interface Timer {
  /** Makes sure the callback does not run (any more). Harmless when it already ran. */
  cancel(): void;
}

/** Time, as an argument. Nothing outside `@ropewalk/runtime` asks the machine for it. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never moves back. For timeouts and durations. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. For timestamps that people read. */
  wallMs(): number;
  /** Runs `callback` once, `delayMs` milliseconds from now or later. Keeps the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` after the input that is already waiting was handled. */
  defer(callback: () => void): void;
}

import type { Clock, Timer } from "@ropewalk/runtime";
import type { EventLoop } from "./event-loop.ts";
import { Holdings } from "./holdings.ts";

/** How a process ended: it alone, or its machine with all that was not on disk. */
export type Death = "kill" | "power";

/** How a process measures time. */
export interface ClockFault {
  /** Seconds of its own for one of the world's. */
  readonly rate: number;
  /** How far its wall clock is off. */
  readonly wallOffsetMs: number;
}

export const soundClock: ClockFault = { rate: 1, wallOffsetMs: 0 };

/** The world's time of day when a run begins: 2026-01-01. */
export const startWallMs = 1_767_225_600_000;

/**
 * The shortest timer. What is left of a wait may round to nothing beside the time of day: such a timer would end at the
 * moment when it was set, again and again.
 */
const timerMsMin = 0.001;

/**
 * A process on a machine of its own. Whatever reaches it from the world comes through `post`: nothing does once it
 * died, and while it is stopped (SIGSTOP) everything waits.
 */
export class SimulatedProcess implements Clock {
  readonly host: string;
  readonly loop: EventLoop;
  /** What it has taken from the system and not given back. */
  readonly holdings: Holdings = new Holdings();
  readonly #startMs: number;
  #clock: ClockFault;
  #held: (() => void)[] | undefined;
  /** How it ended; undefined while it lives. */
  death: Death | undefined;
  readonly #deathListeners = new Set<(death: Death) => void>();

  constructor(loop: EventLoop, host: string, clock: ClockFault = soundClock) {
    this.loop = loop;
    this.host = host;
    this.#clock = clock;
    this.#startMs = loop.nowMs;
  }

  get isAlive(): boolean {
    return this.death === undefined;
  }

  get isStopped(): boolean {
    return this.#held !== undefined;
  }

  /** Has the process do something, `delayMs` of the world's time from now. */
  post(delayMs: number, run: () => void): Timer {
    return this.loop.schedule(delayMs, () => {
      if (!this.isAlive) return;
      if (this.#held === undefined) run();
      else this.#held.push(run);
    });
  }

  /** Lets nothing reach it until `resume`. */
  pause(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const run of held) this.post(0, run);
  }

  die(death: Death): void {
    if (!this.isAlive) return;
    this.death = death;
    this.#held = undefined;
    for (const listener of this.#deathListeners) listener(death);
  }

  /** Runs `listener` when the process dies; answers how to take it back. */
  onDeath(listener: (death: Death) => void): () => void {
    this.#deathListeners.add(listener);
    return () => void this.#deathListeners.delete(listener);
  }

  /** Sets the wall clock, as an administrator or NTP does. */
  setWallOffset(wallOffsetMs: number): void {
    this.#clock = { ...this.#clock, wallOffsetMs };
  }

  monotonicMs(): number {
    return 1000 + (this.loop.nowMs - this.#startMs) * this.#clock.rate;
  }

  wallMs(): number {
    return Math.floor(startWallMs + this.loop.nowMs + this.#clock.wallOffsetMs);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const delay = delayMs > 0 ? Math.max(delayMs, timerMsMin) : delayMs;
    const giveBack = this.holdings.take("timer", `of ${delayMs} ms, set at ${this.loop.nowMs}`);
    const timer = this.post(delay / this.#clock.rate, () => {
      giveBack();
      callback();
    });
    return {
      cancel: () => {
        giveBack();
        timer.cancel();
      },
    };
  }

  defer(callback: () => void): void {
    this.post(0, callback);
  }
}

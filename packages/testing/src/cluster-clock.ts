import type { EventLoop } from "@ropewalk/simulation";
import type { ClusterTime } from "./cluster-time.ts";
import { type Duration, durationMs } from "./duration.ts";

/** The time of day when a cluster's world begins: 2026-01-01, as `SimulatedProcess` has it. */
const startWallMs = 1_767_225_600_000;

/** The cluster's clock. */
export class ClusterClock {
  readonly #loop: EventLoop;
  readonly #time: ClusterTime;

  constructor(loop: EventLoop, time: ClusterTime) {
    this.#loop = loop;
    this.#time = time;
  }

  /** The time that has passed for the cluster since it began, in milliseconds. */
  get elapsedMs(): number {
    return this.#loop.nowMs;
  }

  /** The cluster's time of day, in milliseconds since the epoch; records without a timestamp get it. */
  get nowMs(): number {
    return Math.floor(startWallMs + this.#loop.nowMs);
  }

  /**
   * Lets time pass for brokers and clients: `await cluster.clock.advance("5m")`. Everything that falls due in it
   * happens, in order; it takes as long as it takes to compute. Rejects with INVALID_DURATION.
   */
  async advance(duration: Duration): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#loop.schedule(durationMs(duration), resolve);
    await this.#time.waitFor(promise);
  }
}

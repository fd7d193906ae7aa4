import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import { SilentFor } from "./silent-for.ts";

/** What repairing needs. */
export interface LossRepairOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A broker that was silent for so long is lost, and what it held is made anew elsewhere; 0: never. It may change. */
  readonly delayMs: () => number;
  readonly isLeading: () => boolean;
  readonly brokerIds: () => Iterable<number>;
  readonly isAlive: (brokerId: number) => boolean;
  /** Moves what these brokers hold to others; answers how many partitions begin to. */
  readonly moveAway: (brokerIds: readonly number[]) => Promise<number>;
}

/** How often it is looked, and the least time between two plans. */
const lookMsMin = 100;
const lookMsMax = 5000;

/**
 * Makes the replicas of brokers that are lost anew at others, at the controller. A new controller counts anew: it
 * rather waits too long than moves what is about to come back.
 */
export class LossRepair {
  readonly #options: LossRepairOptions;
  readonly #lost: SilentFor;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: LossRepairOptions) {
    this.#options = options;
    const { brokerIds, delayMs, isAlive } = options;
    this.#lost = new SilentFor(delayMs, () => [...brokerIds()].filter((id) => !isAlive(id)));
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, delayMs } = this.#options;
    const wantedMs = delayMs() === 0 ? lookMsMax : delayMs() / 2;
    const lookMs = Math.max(lookMsMin, Math.min(lookMsMax, wantedMs));
    this.#timer = clock.setTimer(lookMs, () => {
      void this.#look().finally(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const { clock, isLeading, logger, moveAway } = this.#options;
    if (!isLeading()) return this.#lost.clear();
    const lostIds = [...this.#lost.update(clock.monotonicMs())];
    if (lostIds.length === 0) return;
    try {
      const count = await moveAway(lostIds);
      if (count > 0)
        logger.warn("brokers are lost: their replicas are made anew", { lostIds, count });
    } catch (error) {
      logger.warn("the replicas of lost brokers cannot be made anew yet", { lostIds, error });
    }
  }
}

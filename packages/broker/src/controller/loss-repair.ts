import type { Clock, Logger, Timer } from "@ropewalk/runtime";

/** What repairing needs. */
export interface LossRepairOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A broker that was silent for so long is lost, and what it held is made anew elsewhere; 0: never. */
  readonly delayMs: number;
  readonly isLeading: () => boolean;
  readonly brokerIds: () => Iterable<number>;
  readonly isAlive: (brokerId: number) => boolean;
  /** Moves what these brokers hold to others; answers how many partitions begin to. */
  readonly moveAway: (brokerIds: readonly number[]) => Promise<number>;
}

/** How often it is looked, and the least time between two plans. */
const lookMsMax = 5000;

/**
 * Makes the replicas of brokers that are lost anew at others, at the controller. A new controller counts anew: it
 * rather waits too long than moves what is about to come back.
 */
export class LossRepair {
  readonly #options: LossRepairOptions;
  readonly #silentSinceMs = new Map<number, number>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: LossRepairOptions) {
    this.#options = options;
    if (options.delayMs > 0) this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, delayMs } = this.#options;
    this.#timer = clock.setTimer(Math.min(lookMsMax, delayMs / 2), () => {
      void this.#look().finally(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const { isLeading, logger, moveAway } = this.#options;
    if (!isLeading()) return this.#silentSinceMs.clear();
    const lostIds = this.#lost();
    if (lostIds.length === 0) return;
    try {
      const count = await moveAway(lostIds);
      if (count > 0)
        logger.warn("brokers are lost: their replicas are made anew", { lostIds, count });
    } catch (error) {
      logger.warn("the replicas of lost brokers cannot be made anew yet", { lostIds, error });
    }
  }

  #lost(): number[] {
    const { brokerIds, clock, delayMs, isAlive } = this.#options;
    const nowMs = clock.monotonicMs();
    const lost: number[] = [];
    for (const id of brokerIds()) {
      if (isAlive(id)) this.#silentSinceMs.delete(id);
      else if (!this.#silentSinceMs.has(id)) this.#silentSinceMs.set(id, nowMs);
      else if (nowMs - (this.#silentSinceMs.get(id) ?? nowMs) >= delayMs) lost.push(id);
    }
    return lost;
  }
}

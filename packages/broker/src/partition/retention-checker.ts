import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { PartitionReplica } from "./partition-replica.ts";

/** The part of a partition that is looked at. */
export type RetainedPartition = Pick<PartitionReplica, "name" | "cutExpired">;

/** What checking needs. */
export interface RetentionCheckerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The pause between two rounds, as it is now; `intervalChanged` says that it is another. */
  readonly intervalMs: () => number;
  /** Data partitions with a replica here; those led elsewhere have nothing to do. */
  readonly partitions: () => Iterable<RetainedPartition>;
}

/**
 * Has partitions let go what their retention keeps no longer, now and then. A round begins when the one before
 * has come to its end and the interval has passed, so that proposals do not heap up where there is no majority.
 */
export class RetentionChecker {
  readonly #options: RetentionCheckerOptions;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: RetentionCheckerOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** The pause that is under way is over when the new interval has passed. */
  intervalChanged(): void {
    if (this.#timer === undefined) return; // The round that is under way asks for it.
    this.#timer.cancel();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#stopped) return;
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.setTimer(intervalMs(), () => {
      this.#timer = undefined;
      void this.#check().then(() => this.#schedule());
    });
  }

  async #check(): Promise<void> {
    const nowMs = this.#options.clock.wallMs();
    const cuts = [...this.#options.partitions()].map((partition) => this.#cut(partition, nowMs));
    await Promise.all(cuts);
  }

  async #cut(partition: RetainedPartition, nowMs: number): Promise<void> {
    const { logger } = this.#options;
    try {
      const startOffset = await partition.cutExpired(nowMs);
      if (startOffset === undefined) return;
      logger.info("retention moved the start of a partition", {
        partition: partition.name,
        startOffset,
      });
    } catch (error) {
      // Leadership went away, or there is no majority: the next round looks again, here or elsewhere.
      logger.warn("retention could not move the start of a partition", {
        partition: partition.name,
        error,
      });
    }
  }
}

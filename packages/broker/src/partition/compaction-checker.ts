import type { CompactionRequest, GroupLog, LogStore } from "@ropewalk/log";
import type { Clock, Logger, Random, Timer } from "@ropewalk/runtime";
import type { TopicConfig } from "../controller/topic-config.ts";
import type { HistoryKeeper, KeptGroup } from "../raft/history-keeper.ts";

/** A partition of a topic that is compacted. */
export interface CompactedPartition extends KeptGroup {
  readonly name: string;
  readonly config: TopicConfig;
  readonly highWatermark: () => number;
}

/** What checking needs. */
export interface CompactionCheckerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: LogStore;
  readonly history: HistoryKeeper;
  /** The pause between two rounds, as it is now; `intervalChanged` says that it is another. */
  readonly intervalMs: () => number;
  /** Every partition with a replica here whose topic is compacted: each replica compacts its own log. */
  readonly partitions: () => Iterable<CompactedPartition>;
}

/** Has logs compacted that are due, one after the other: Kafka's log cleaner with one thread. */
export class CompactionChecker {
  readonly #options: CompactionCheckerOptions;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: CompactionCheckerOptions) {
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
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.setTimer(intervalMs(), () => {
      this.#timer = undefined;
      void this.#check().then(() => this.#schedule());
    });
  }

  async #check(): Promise<void> {
    const { logger } = this.#options;
    for (const partition of [...this.#options.partitions()]) {
      if (this.#isStopped) return;
      try {
        await this.#compact(partition);
      } catch (error) {
        // Nothing was changed; the next round looks again.
        logger.warn("a partition could not be compacted", { partition: partition.name, error });
      }
    }
  }

  async #compact(partition: CompactedPartition): Promise<void> {
    const { history, logger, store } = this.#options;
    const { group, name } = partition;
    if (store.failed !== undefined || store.group(group.log.key) !== group.log) return;
    const request = this.#request(partition);
    if (store.compactionReason(group.log, request) === undefined) return;
    // What is compacted cannot be applied again.
    await history.saveImage(partition);
    if (isGone(store, group.log)) return;
    const outcome = await store.compact(group.log, request);
    if (outcome !== undefined)
      logger.info("a partition was compacted", { partition: name, ...outcome });
  }

  #request({ config, highWatermark }: CompactedPartition): CompactionRequest {
    return {
      random: this.#options.random,
      committedOffset: highWatermark(),
      config: {
        minCleanableDirtyRatio: config.dirtyRatioMin,
        minCompactionLagMs: config.compactionLagMsMin,
        maxCompactionLagMs: config.compactionLagMsMax ?? Number.MAX_SAFE_INTEGER,
        deleteRetentionMs: config.deleteRetentionMs,
      },
    };
  }
}

function isGone(store: LogStore, log: GroupLog): boolean {
  return store.group(log.key) !== log;
}

import type { LogStore } from "@ropewalk/log";
import type { Runtime } from "@ropewalk/runtime";
import type { BrokerLimits } from "../config.ts";
import { compactionCheckName, retentionCheckName } from "../configs/broker-config-schema.ts";
import { brokerNumber } from "../configs/resource-configs.ts";
import type { MetadataImage } from "../controller/metadata-image.ts";
import type { HistoryKeeper } from "../raft/history-keeper.ts";
import { type CompactedPartition, CompactionChecker } from "./compaction-checker.ts";
import { type RetainedPartition, RetentionChecker } from "./retention-checker.ts";

/** What the checks need. */
export interface HistoryChecksOptions {
  readonly brokerId: number;
  readonly runtime: Pick<Runtime, "clock" | "logger" | "random">;
  readonly limits: BrokerLimits;
  readonly store: LogStore;
  readonly history: HistoryKeeper;
  /** Where another interval may be configured. */
  readonly image: MetadataImage;
  readonly retained: () => Iterable<RetainedPartition>;
  readonly compacted: () => Iterable<CompactedPartition>;
}

/** Looks now and then, as the broker is configured, for history that is to go: by retention, or by compaction. */
export class HistoryChecks {
  readonly #retention: RetentionChecker;
  readonly #compaction: CompactionChecker;

  constructor(options: HistoryChecksOptions) {
    const { brokerId, history, image, limits, runtime, store } = options;
    const { clock, logger, random } = runtime;
    // A number that this broker was told while it ran, or what it does otherwise.
    const configured = (name: string, fallback: number) => (): number =>
      brokerNumber(image, brokerId, name, fallback);
    this.#retention = new RetentionChecker({
      clock,
      logger,
      intervalMs: configured(retentionCheckName, limits.retentionCheckMs),
      partitions: options.retained,
    });
    this.#compaction = new CompactionChecker({
      clock,
      random,
      logger,
      store,
      history,
      intervalMs: configured(compactionCheckName, limits.compactionCheckMs),
      partitions: options.compacted,
    });
  }

  /** The intervals may be configured otherwise now. */
  intervalsChanged(): void {
    this.#retention.intervalChanged();
    this.#compaction.intervalChanged();
  }

  stop(): void {
    this.#retention.stop();
    this.#compaction.stop();
  }
}

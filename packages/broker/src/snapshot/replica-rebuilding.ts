import type { GroupKey, GroupLog, LogStore } from "@ropewalk/log";
import type { Clock, KeyValueStore, Logger, Timer } from "@ropewalk/runtime";
import type { Snapshot } from "raft-ts";
import type { Checkpointer } from "../checkpointer.ts";
import type { BrokerLimits } from "../config.ts";
import type { LeaderTable } from "../leadership/leader-table.ts";
import { peerFrameBytesMax } from "../peer/peer-config.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { GroupMessage, RaftHost } from "../raft/raft-host.ts";
import type { RemoteCaller } from "../remote-caller.ts";
import { HistoryInstaller } from "./history-installer.ts";
import { Interruption } from "./interruption.ts";
import { RepairSource } from "./repair-source.ts";
import type { AbsentReplica, ReplicaHome } from "./replica-home.ts";
import { ReplicaRepairer } from "./replica-repairer.ts";
import { type PieceAdmission, SegmentFetcher } from "./segment-fetcher.ts";
import { SnapshotExporter } from "./snapshot-exporter.ts";
import { SnapshotInstaller } from "./snapshot-installer.ts";
import { Turns } from "../turns.ts";

/** What rebuilding needs. */
export interface ReplicaRebuildingOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly store: LogStore;
  readonly state: KeyValueStore;
  readonly host: RaftHost;
  readonly checkpointer: Checkpointer;
  readonly caller: RemoteCaller;
  readonly leaders: LeaderTable;
  readonly home: () => ReplicaHome;
  /** Resolves when so many bytes of a group's segments may be fetched. */
  readonly pieceAdmitted: PieceAdmission;
}

/** Replicas that are rebuilt at the same time for each reason: those to be repaired may be many, and wait long. */
const rebuiltMax = 2;
/** How often the logs are asked whether somebody found them damaged. */
const damageCheckMs = 2000;
/** What a frame holds beside a snapshot's data, at most. */
const frameRestBytesMax = 64 * 1024;

/** A machine's image of this size surely fits into a snapshot, beside the list of the segments. */
export const snapshotImageBytesMax: number = 15 * 1024 * 1024;

/** What rebuilding did so far. */
export interface RebuildingCounters {
  readonly snapshotsInstalled: number;
  readonly snapshotsFailed: number;
  readonly replicasRepaired: number;
}

/**
 * Whole replicas that travel between brokers: to those that lag behind what their leader's log still holds, and
 * to those whose own log is damaged. Both ways of this broker.
 */
export class ReplicaRebuilding {
  readonly #options: ReplicaRebuildingOptions;
  readonly #interruption = new Interruption();
  readonly #exporter: SnapshotExporter;
  readonly #installer: SnapshotInstaller;
  readonly #repairer: ReplicaRepairer;
  #timer: Timer | undefined;

  constructor(options: ReplicaRebuildingOptions) {
    this.#options = options;
    const { caller, clock, home, host, limits, logger, store } = options;
    const damaged = (group: RaftGroup, error: unknown): void => home().damaged(group, error);
    const dataBytesMax = peerFrameBytesMax - frameRestBytesMax;
    this.#exporter = new SnapshotExporter({ clock, logger, store, dataBytesMax, damaged });
    const fetcher = new SegmentFetcher(
      caller,
      clock,
      this.#interruption,
      limits.snapshotPieceTimeoutMs,
      options.pieceAdmitted,
    );
    const { checkpointer, state } = options;
    const commit: Checkpointer["commit"] = (bring) => checkpointer.commit(bring);
    const histories = new HistoryInstaller({ store, state, commit, fetcher });
    this.#installer = new SnapshotInstaller({
      logger,
      store,
      host,
      home,
      histories,
      turns: new Turns(rebuiltMax),
    });
    this.#repairer = new ReplicaRepairer({
      ...options,
      installer: histories,
      interruption: this.#interruption,
      turns: new Turns(rebuiltMax),
      retryMsMin: limits.repairRetryMsMin,
      retryMsMax: limits.repairRetryMsMax,
    });
    const exporter = this.#exporter;
    const logOf = (key: GroupKey): GroupLog | undefined => home().logOf(key) ?? store.group(key);
    new RepairSource({ store, host, exporter, logOf, damaged }).answerCalls(caller);
    this.#scheduleCheck();
  }

  get counters(): RebuildingCounters {
    const { failed, installed } = this.#installer.counters;
    const { repaired } = this.#repairer.counters;
    return { snapshotsInstalled: installed, snapshotsFailed: failed, replicasRepaired: repaired };
  }

  /** A replica needs what the log of its leader here does not hold any more. */
  snapshotWanted(group: RaftGroup): Snapshot | "unavailable" {
    return this.#exporter.snapshot(group);
  }

  /** A leader sent what the log of a replica here lacks. */
  snapshotArrived(from: number, group: RaftGroup, arrived: GroupMessage): void {
    this.#installer.receive(from, group, arrived);
  }

  /** A replica on this broker is out, for its log is damaged. */
  repair(absent: AbsentReplica): void {
    this.#repairer.add(absent);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#interruption.interrupt();
    await this.#installer.stop();
    await this.#repairer.stop();
    await this.#exporter.stop();
  }

  #scheduleCheck(): void {
    const { clock, home } = this.#options;
    this.#timer = clock.setTimer(damageCheckMs, () => {
      for (const group of home().groups()) {
        const { quarantined } = group.log;
        if (quarantined !== undefined) home().damaged(group, quarantined);
      }
      if (!this.#interruption.isOver) this.#scheduleCheck();
    });
  }
}

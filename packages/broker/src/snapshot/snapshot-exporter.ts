import { encodeSnapshotManifest, LogError, type LogStore } from "@ropewalk/log";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { Snapshot } from "raft-ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import { encodeStateImage } from "../raft/state-image.ts";

/** What exporting needs. */
export interface SnapshotExporterOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: LogStore;
  /** What a snapshot may take: it travels in one frame. */
  readonly dataBytesMax: number;
  /** Stored bytes of a group turned out not to be what was written. */
  readonly damaged: (group: RaftGroup, error: LogError) => void;
}

/** A snapshot is given out for so long, and a failure is not tried again before. */
const keptMs = 30_000;
/** Snapshots are kept as long as they take no more than this, and always the newest. */
const keptBytesMax = 64 * 1024 * 1024;
/** Groups that are being exported at the same time; others are asked for again. */
const exportsMax = 2;
/** How often entries may move on while a group is exported. */
const attemptsMax = 3;

interface Kept {
  /** `undefined`: it cannot be made. */
  readonly snapshot: Snapshot | undefined;
  readonly untilMs: number;
}

/**
 * Makes snapshots of groups that are led here, for replicas that lack what the log does not hold any more. It
 * takes time, while the leader is told to ask again; then the snapshot is kept for a while, since others
 * may need it, too.
 */
export class SnapshotExporter {
  readonly #options: SnapshotExporterOptions;
  readonly #kept = new Map<RaftGroup, Kept>();
  readonly #running = new Map<RaftGroup, Promise<void>>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: SnapshotExporterOptions) {
    this.#options = options;
  }

  /** A snapshot to be sent to a replica; "unavailable" as long as there is none. */
  snapshot(group: RaftGroup): Snapshot | "unavailable" {
    const kept = this.#kept.get(group);
    const isUsable = kept !== undefined && kept.untilMs > this.#options.clock.monotonicMs();
    // The log must go on where the snapshot ends, and a replica that came since is no member in it.
    const isOfMembers = (kept?.snapshot?.confState ?? group.confState) === group.confState;
    if (
      isUsable &&
      isOfMembers &&
      (kept.snapshot?.index ?? Infinity) + 1 >= group.log.firstIndex()
    ) {
      return kept.snapshot ?? "unavailable";
    }
    this.#begin(group);
    return "unavailable";
  }

  /** What was kept of a group is not to be had any more, or nobody needs it. */
  forget(group: RaftGroup): void {
    this.#kept.delete(group);
  }

  /** Makes a snapshot as of what is applied now, or later. Rejects where that cannot be. */
  async export(group: RaftGroup): Promise<Snapshot> {
    const { dataBytesMax, store } = this.#options;
    const { log } = group;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      if (store.group(log.key) !== log) {
        throw new LogError("GROUP_DELETED", `Group ${log.key.groupId} was deleted`);
      }
      const { appliedIndex: index, confState } = group;
      const manifest = await store.exportSnapshot(log, index, encodeStateImage(group.takeImage()));
      if (log.quarantined !== undefined) throw log.quarantined;
      const term = log.term(index);
      if (manifest === undefined || typeof term !== "number") continue; // More has moved than that.
      const data = encodeSnapshotManifest(manifest);
      if (data.length <= dataBytesMax) return { index, term, confState, data };
      throw new LogError(
        "READ_FAILED",
        `A snapshot of group ${log.key.groupId} takes ${data.length} bytes beside its segments, ${manifest.image.length} of them the state of its machine; ${dataBytesMax} fit into a frame`,
      );
    }
    throw new LogError("READ_FAILED", `Group ${log.key.groupId} moves on too fast for a snapshot`);
  }

  /** Nothing begins any more; waits for what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#kept.clear();
    await Promise.all(this.#running.values());
  }

  #begin(group: RaftGroup): void {
    const isPossible = group.appliedIndex > 0 && this.#running.size < exportsMax;
    if (this.#isStopped || !isPossible || this.#running.has(group)) return;
    const done = this.#make(group).finally(() => this.#running.delete(group));
    this.#running.set(group, done);
  }

  async #make(group: RaftGroup): Promise<void> {
    try {
      this.#keep(group, await this.export(group));
    } catch (error) {
      if (error instanceof LogError && error.reason === "GROUP_DELETED") return;
      this.#options.logger.error("a replica lags behind, and a snapshot for it cannot be made", {
        ...group.key,
        error,
      });
      this.#keep(group, undefined);
      const { quarantined } = group.log;
      if (quarantined !== undefined) this.#options.damaged(group, quarantined);
    }
  }

  #keep(group: RaftGroup, snapshot: Snapshot | undefined): void {
    if (this.#isStopped) return;
    this.#kept.delete(group); // The newest comes last.
    this.#kept.set(group, { snapshot, untilMs: this.#options.clock.monotonicMs() + keptMs });
    let bytes = 0;
    for (const kept of this.#kept.values()) bytes += kept.snapshot?.data.length ?? 0;
    for (const [oldest, kept] of this.#kept) {
      if (bytes <= keptBytesMax || oldest === group) break;
      bytes -= kept.snapshot?.data.length ?? 0;
      this.#kept.delete(oldest);
    }
    this.#timer ??= this.#options.clock.setTimer(keptMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#timer = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    for (const [group, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(group);
    if (this.#kept.size === 0) return;
    this.#timer = this.#options.clock.setTimer(keptMs, () => this.#sweep());
  }
}

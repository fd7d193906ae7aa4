import assert from "node:assert/strict";
import type { DiskLock } from "@ropewalk/runtime";
import { assertAppendable } from "./append-check.ts";
import type { CompactionOutcome, CompactionRequest } from "./compaction/compactor.ts";
import { lockLogDirectory } from "./directory-lock.ts";
import { placeEntries } from "./entry-placement.ts";
import { findStore, type FoundStore } from "./found-store.ts";
import { GroupLog } from "./group-log.ts";
import { GroupState } from "./group-state.ts";
import { directoryIdOf } from "./journal/file-header.ts";
import type { HistoryCut } from "./history-store.ts";
import { type RecoveredJournal, recoverJournal } from "./journal/recovery.ts";
import { quarantine } from "./journal/replay.ts";
import { completeLogConfig, type LogConfig } from "./log-config.ts";
import { type GroupKey, groupName, type HardState, type LogEntry } from "./log-entry.ts";
import { LogError } from "./log-error.ts";
import type { FetchSegment } from "./snapshot/segment-copy.ts";
import type { SnapshotManifest } from "./snapshot/snapshot-manifest.ts";
import { ownerOfFileName } from "./segment/segment-info.ts";
import { createStoreParts, type StoreParts } from "./store-parts.ts";
import type { GroupSettings, GroupWrite, LogStatistics, LogStoreOptions } from "./store-options.ts";

/**
 * One broker's storage: the logs and hard states of all its Raft groups. What is new lies in one journal;
 * what outlives the journal's window lies in segments of its group.
 */
export class LogStore {
  readonly #options: LogStoreOptions;
  readonly #lock: DiskLock;
  readonly #parts: StoreParts;
  readonly #groups = new Map<string, GroupLog>();
  readonly #states = new Map<GroupLog, GroupState>();
  /** Groups with a tombstone in the journal, and the file that it is in. */
  readonly #deleted: Map<string, number>;
  /** Where records were lost whose groups nobody can name. */
  readonly #damage: string | undefined;
  #lostHistory: string | undefined;
  #failed: LogError | undefined;
  /** What the start found is durable, and nothing is owed to it any more. */
  #hasBegun = false;
  #closing: Promise<void> | undefined;

  private constructor(
    options: LogStoreOptions,
    config: LogConfig,
    lock: DiskLock,
    found: FoundStore,
    recovered: RecoveredJournal,
  ) {
    this.#options = options;
    this.#lock = lock;
    this.#deleted = found.replay.deleted;
    this.#damage = found.replay.damage;
    let { nextFileId } = found;
    this.#parts = createStoreParts({
      options,
      config,
      recovered,
      checkpointNumber: found.checkpoint?.number ?? 0,
      damage: found.replay.damage ?? "",
      states: () => this.#states.values(),
      nextFileId: () => nextFileId,
      takeFileId: () => nextFileId++,
      checkpointed: ({ startSequence }) => this.#forgetJournalBefore(startSequence),
      onFailed: (error) => this.#fail(error),
      onDamaged: (state, error) => this.#damaged(state, error),
      copyForward: (state, entries) => this.#copyForward(state, entries),
    });
    for (const state of found.replay.groups.values()) this.#addGroup(state);
  }

  /**
   * Locks the directory, creates it where it is missing, and recovers every group. Groups whose
   * stored bytes are damaged come back quarantined. Rejects with DIRECTORY_LOCKED,
   * DIRECTORY_MISMATCH, FORMAT_UNSUPPORTED, or the disk's error.
   */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    const { disk, directory, logger, clock } = options;
    const config = completeLogConfig(options.config ?? {});
    const startMs = clock.monotonicMs();
    await disk.makeDirectory(directory);
    const lock = await lockLogDirectory(disk, directory, "ropewalk log");
    let store: LogStore | undefined;
    try {
      const directoryId =
        options.directoryId === undefined ? undefined : directoryIdOf(options.directoryId);
      const found = await findStore(disk, directory, directoryId, logger);
      const recovered = await recoverJournal({
        disk,
        directory,
        logger,
        directoryId: directoryId ?? found.checkpoint?.directoryId,
        replay: found.replay,
        startSequence: found.startSequence,
        durableTo: found.durableTo,
      });
      store = new LogStore(options, config, lock, found, recovered);
      await store.#begin(found);
      store.#reportRecovery(clock.monotonicMs() - startMs);
      return store;
    } catch (error) {
      await store?.close().catch(() => undefined); // Why it does not open says more.
      await lock.release();
      throw error;
    }
  }

  /** Why every append rejects; `undefined` while the store is sound. Reads go on either way. */
  get failed(): LogError | undefined {
    return this.#failed;
  }

  /**
   * Whether the disk has no room for more than what must be written anyway. While it is full, nobody
   * should append records; hard states, tombstones, reads and removals go on. It passes by itself.
   */
  get isFull(): boolean {
    return this.#parts.space.isFull;
  }

  /**
   * When the disk was given the write or flush of the journal that it has not finished yet, by the monotonic clock;
   * `undefined` where it has nothing to do. A disk that fails says so; one that stands still only shows here.
   */
  get writingSinceMs(): number | undefined {
    return this.#parts.journal.writingSinceMs;
  }

  /** Appended but not durable yet; who appends keeps it within bounds. */
  get queuedBytes(): number {
    return this.#parts.journal.queuedBytes;
  }

  /**
   * Settles when more has moved from the journal to segments, where that is far behind; `undefined` where it is not.
   * Whoever appends much waits for it, or the journal grows until the disk is full.
   */
  get relief(): Promise<void> | undefined {
    return this.#parts.destager.relief;
  }

  /**
   * Whether what is kept free for the time that the disk is full runs out, so that nothing should be appended but what
   * makes room.
   */
  get isReserveLow(): boolean {
    return this.#parts.space.isReserveLow;
  }

  /**
   * Appends that wait for room on the disk wait no longer: they reject with STORAGE_FAILED, and so does every
   * later one that would have to wait. For who wants to stop.
   */
  stopWaiting(): void {
    this.#parts.journal.stopWaiting();
  }

  /** Counts since the store was opened, and what is in memory, for metrics. */
  get statistics(): LogStatistics {
    return {
      ...this.#parts.journal.statistics,
      ...this.#parts.destager.statistics,
      ...this.#parts.scrubber.statistics,
      cachedBytes: this.#parts.cache.bytes,
    };
  }

  groups(): Iterable<GroupLog> {
    return this.#groups.values();
  }

  group(key: GroupKey): GroupLog | undefined {
    return this.#groups.get(groupName(key));
  }

  /**
   * Adds an empty group; it becomes durable with its first write. A key is used once: never for a
   * group that exists or was deleted.
   *
   * Where damage hides records that cannot be attributed, a group nobody has heard of may be one that
   * had voted and acknowledged: it is created quarantined, unless the caller knows for certain that
   * it never existed here.
   */
  createGroup(
    key: GroupKey,
    certainty: "perhapsKnown" | "neverExisted" = "perhapsKnown",
  ): GroupLog {
    const name = groupName(key);
    assert(!this.#groups.has(name), `group ${name} exists already`);
    assert(!this.#deleted.has(name), `group ${name} was deleted; its key is not given twice`);
    const state = new GroupState(key);
    const hidden = this.#damage ?? this.#lostHistory;
    if (hidden !== undefined && certainty === "perhapsKnown") {
      quarantine(state, `records of it may have been in a damaged place: ${hidden}`);
    }
    return this.#addGroup(state);
  }

  /**
   * Says that groups may have been here of which the store has nothing any more, as when the disk was replaced:
   * `createGroup` then treats those that it has not heard of as lost, as it does after damage.
   */
  historyLost(reason: string): void {
    this.#lostHistory = reason;
  }

  /** Whether the start found damage that may hide records of any group. */
  get isDamaged(): boolean {
    return this.#damage !== undefined;
  }

  /** Whether the group is known to have been deleted here. The knowledge goes with the files that held it. */
  wasDeleted(key: GroupKey): boolean {
    return this.#deleted.has(groupName(key));
  }

  /** Deletes a group: resolves when its tombstone is durable. Files that nobody needs any more are removed later. */
  async deleteGroup(key: GroupKey): Promise<void> {
    this.#assertUsable();
    const name = groupName(key);
    const group = this.#groups.get(name);
    assert(group !== undefined, `group ${name} does not exist`);
    const state = this.#stateOf(group);
    state.isDeleted = true;
    this.#groups.delete(name);
    this.#states.delete(group);
    state.truncate(state.index.firstIndex);
    const { nextRecordNumber: recordNumber, hardState } = state;
    const { sequence } = this.#parts.journal.place({
      kind: "tombstone",
      key,
      recordNumber,
      hardState,
      entries: [],
    });
    this.#deleted.set(name, sequence);
    await this.#parts.history.removeFilesOf(state, this.#parts.journal.commit());
  }

  /** Says when a group's segments are sealed; the store's own bounds hold until then. */
  configure(group: GroupLog, settings: GroupSettings): void {
    const state = this.#stateOf(group);
    state.segmentBytesMax = settings.segmentBytesMax;
    state.segmentMsMax = settings.segmentMsMax;
  }

  /**
   * Keeps the state machine of a group as of entry `index`, which is applied. What it was made from need not
   * be kept any more; see `cut`. Resolves when it is durable, and replaces the image before.
   */
  saveImage(group: GroupLog, index: number, body: Uint8Array): Promise<void> {
    this.#assertUsable();
    return this.#parts.history.saveImage(this.#stateOf(group), index, body);
  }

  /** The newest image of a group. Rejects with DATA_DAMAGED or the disk's error. */
  image(
    group: GroupLog,
  ): Promise<{ readonly index: number; readonly body: Uint8Array } | undefined> {
    return this.#parts.history.image(this.#stateOf(group));
  }

  /**
   * Says what of a group's history nobody needs. Segments that lie wholly before are removed, as far as an
   * image contains what they led to; what is still in the journal never moves to one. Resolves when
   * what goes is durably gone.
   */
  cut(group: GroupLog, cut: HistoryCut): Promise<void> {
    this.#assertUsable();
    return this.#parts.history.cut(this.#stateOf(group), cut);
  }

  /** Why a group should be compacted now; `undefined`: not (yet). */
  compactionReason(group: GroupLog, request: CompactionRequest): string | undefined {
    return this.#parts.compactor.plan(this.#stateOf(group), request)?.reason;
  }

  /**
   * Compacts a group by key, where that is due, as far as the group has an image of what its entries led to: from
   * then on Raft cannot be sent what was compacted. Answers what came of it; `undefined` where nothing was done.
   * Rejects with DATA_DAMAGED where a segment is not what was written, and then changes nothing.
   */
  compact(group: GroupLog, request: CompactionRequest): Promise<CompactionOutcome | undefined> {
    this.#assertUsable();
    return this.#parts.history.compact(this.#stateOf(group), request);
  }

  /**
   * Describes a group's history up to entry `index` for a broker that lacks it: everything up to there moves
   * to segments, which are then read with `readSegment`. `image` is the state machine as of `index`, which
   * is applied. `undefined` where more than that has moved already: take a later one. The segments may be gone
   * by the time they are asked for; then take a new one.
   */
  exportSnapshot(
    group: GroupLog,
    index: number,
    image: Uint8Array,
  ): Promise<SnapshotManifest | undefined> {
    this.#assertUsable();
    return this.#parts.history.exportSnapshot(this.#stateOf(group), index, image);
  }

  /** Bytes of a segment's file, for another broker. Rejects with READ_FAILED where it is gone. */
  readSegment(
    group: GroupLog,
    fileId: number,
    position: number,
    length: number,
  ): Promise<Uint8Array> {
    return this.#parts.history.readSegment(this.#stateOf(group), fileId, position, length);
  }

  /**
   * Replaces a group's whole log by the history of another broker, whose segments `fetch` brings. Nothing
   * must be appended to the group meanwhile. Resolves when it is durable; until then, and where it fails, the
   * group is what it was. `hardState` is what it has afterwards; a group that was quarantined is not any more.
   */
  installSnapshot(
    group: GroupLog,
    manifest: SnapshotManifest,
    hardState: HardState,
    fetch: FetchSegment,
  ): Promise<void> {
    this.#assertUsable();
    return this.#parts.history.installSnapshot(this.#stateOf(group), manifest, hardState, fetch);
  }

  /**
   * Makes writes durable, all with one gathered write, together with whatever else
   * was appended since the last flush. Reads see them at once. Calls may overlap; they resolve in
   * order. After a crash each write is there wholly or not at all, and never without those before it.
   *
   * Where the disk is full and what was written ahead does not suffice, it waits until there is room; see `isFull`.
   *
   * The entries' data belongs to the store from here on; of a record batch it must have been validated, for its own
   * checksum is taken at its word (`entryCrc`). Rejects with STORAGE_FAILED (which is for
   * good: the write may or may not be there after a restart) or STORE_CLOSED.
   */
  append(writes: readonly GroupWrite[]): Promise<void> {
    try {
      this.#assertUsable();
    } catch (error) {
      return Promise.reject(error);
    }
    for (const write of writes) {
      const state = this.#stateOf(write.group);
      assertAppendable(state, write.entries);
      placeEntries(this.#parts, state, write.entries, write.hardState ?? state.hardState);
    }
    this.#parts.destager.poke();
    return this.#parts.journal.commit();
  }

  /** Waits for what is under way, marks the journal as complete and releases the directory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      this.#parts.journal.stopWaiting();
      await this.#parts.space.stop();
      await this.#parts.scrubber.stop();
      await this.#parts.history.stop();
      await this.#parts.destager.stop();
      // It knows where the journal ends: damage that takes the end away is then no torn write.
      const isSound = this.#failed === undefined && this.#hasBegun;
      if (isSound) await this.#parts.checkpoint.write().catch(() => undefined);
      await this.#parts.checkpoint.close();
      await this.#parts.segments.close();
      await this.#parts.journal.close();
    } finally {
      await this.#lock.release();
    }
  }

  /** Makes the journal ready to be written, and the first checkpoint where there is none. */
  async #begin({ checkpoint, copies, groupFiles, unnamedFiles }: FoundStore): Promise<void> {
    const { disk, directory } = this.#options;
    if (checkpoint !== undefined) await this.#parts.checkpoint.settle(checkpoint);
    await this.#parts.journal.begin();
    // A copy that cannot be read may name files that the others do not; one that is lost did name some.
    const isEveryCopyThere = copies.every(({ state }) => state === "sound");
    const isFirst = checkpoint?.number === 1 && copies.every(({ state }) => state !== "damaged");
    // The last life may have ended between a tombstone and the removal of what the checkpoint still names.
    const unneeded = new Set(groupFiles.filter((name) => this.#isOfDeleted(name)));
    if (checkpoint !== undefined && (isEveryCopyThere || isFirst)) {
      const isLost = checkpoint.damage !== "";
      for (const name of unnamedFiles) if (!isLost || this.#isOfSound(name)) unneeded.add(name);
    }
    for (const name of unneeded) await disk.remove(disk.join(directory, name));
    if (checkpoint === undefined) await this.#parts.checkpoint.write();
    await this.#parts.space.start();
    this.#parts.scrubber.start();
    this.#hasBegun = true;
  }

  #isOfDeleted(fileName: string): boolean {
    const owner = ownerOfFileName(fileName);
    return owner !== undefined && this.#deleted.has(groupName(owner.key));
  }

  /** Whether the checkpoint says of the file's group all that it has: of what was lost before nothing is missing. */
  #isOfSound(fileName: string): boolean {
    const owner = ownerOfFileName(fileName);
    const group = owner === undefined ? undefined : this.#groups.get(groupName(owner.key));
    return group !== undefined && !this.#stateOf(group).isBroken;
  }

  #damaged(state: GroupState, error: LogError): void {
    state.quarantined ??= error;
    const group = this.#groups.get(state.name);
    if (group !== undefined) this.#options.onDamaged?.(group, error);
  }

  #fail(error: LogError): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    this.#options.onFailed?.(error);
  }

  #addGroup(state: GroupState): GroupLog {
    const group = new GroupLog(state, this.#parts);
    this.#groups.set(state.name, group);
    this.#states.set(group, state);
    return group;
  }

  #stateOf(group: GroupLog): GroupState {
    const state = this.#states.get(group);
    if (state === undefined) {
      assert.fail(`group ${groupName(group.key)} was deleted or is another store's`);
    }
    return state;
  }

  #assertUsable(): void {
    if (this.#closing !== undefined) throw new LogError("STORE_CLOSED", "The store is closed");
    if (this.failed !== undefined) throw this.failed;
  }

  #copyForward(state: GroupState, entries: readonly LogEntry[]): void {
    if (this.#closing !== undefined || this.#failed !== undefined) return;
    placeEntries(this.#parts, state, entries, state.hardState);
    this.#parts.journal.commit().catch(() => undefined); // A failure is told by `onFailed`.
  }

  /** No record before this file is needed: the checkpoint has what they said. */
  async #forgetJournalBefore(sequence: number): Promise<void> {
    for (const [name, tombstone] of this.#deleted) {
      if (tombstone < sequence) this.#deleted.delete(name);
    }
    await this.#parts.journal.release(sequence, this.#damagedFrom());
  }

  /** The first journal file that has something of a group which a start found damaged: nobody has copied that. */
  #damagedFrom(): number {
    let from = Number.POSITIVE_INFINITY;
    for (const { isBroken, oldestSequence } of this.#states.values()) {
      if (isBroken) from = Math.min(from, oldestSequence ?? from);
    }
    return from;
  }

  #reportRecovery(durationMs: number): void {
    const { directory, logger } = this.#options;
    const quarantined: string[] = [];
    for (const group of this.#groups.values()) {
      if (group.quarantined !== undefined) quarantined.push(groupName(group.key));
    }
    const fields = { directory, groups: this.#groups.size, durationMs };
    logger.info("The log was recovered.", fields);
    if (quarantined.length === 0 && this.#damage === undefined) return;
    logger.error("Stored data is damaged; the groups concerned are quarantined.", {
      directory,
      damage: this.#damage,
      quarantined,
    });
  }
}

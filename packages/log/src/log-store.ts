import assert from "node:assert/strict";
import type { Clock, Disk, DiskLock, Logger } from "@ropewalk/runtime";
import { batchCoverage } from "./batch-coverage.ts";
import { captureGroups, startSequenceOf } from "./checkpoint/checkpoint-capture.ts";
import { CheckpointWriter } from "./checkpoint/checkpoint-writer.ts";
import { Destager, type DestageStatistics } from "./destage/destager.ts";
import { lockLogDirectory } from "./directory-lock.ts";
import { EntryReader } from "./entry-reader.ts";
import { findStore, type FoundStore } from "./found-store.ts";
import { GroupLog } from "./group-log.ts";
import { GroupState } from "./group-state.ts";
import { type ImageInfo, imageFileName, readImage, writeImage } from "./image/image-file.ts";
import { directoryIdBytes } from "./journal/file-header.ts";
import { Journal, type JournalStatistics } from "./journal/journal.ts";
import { type RecoveredJournal, recoverJournal } from "./journal/recovery.ts";
import { quarantine } from "./journal/replay.ts";
import { completeLogConfig, type LogConfig } from "./log-config.ts";
import { type GroupKey, groupName, type HardState, type LogEntry } from "./log-entry.ts";
import { LogError } from "./log-error.ts";
import type { SegmentInfo } from "./segment/segment-info.ts";
import { SegmentReader } from "./segment/segment-reader.ts";
import { copySegment, type FetchSegment } from "./snapshot/segment-copy.ts";
import type { SnapshotManifest } from "./snapshot/snapshot-manifest.ts";
import { SpaceWatch } from "./space-watch.ts";
import { TailCache } from "./tail-cache.ts";

/** What one group must make durable in one step: wholly or not at all. */
export interface GroupWrite {
  readonly group: GroupLog;
  /** The new hard state; `undefined` leaves it as it is. */
  readonly hardState: HardState | undefined;
  /** Consecutive entries that replace everything from the first one's index on. The store keeps their data. */
  readonly entries: readonly LogEntry[];
}

/** Where and how to open a store. */
export interface LogStoreOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly config?: Partial<LogConfig> | undefined;
  /** The UUID of the broker's directory: files of another one are refused. Absent: whatever the files carry. */
  readonly directoryId?: string | undefined;
  /** The disk failed for good, perhaps while nobody waited for it: told once. */
  readonly onFailed?: ((error: LogError) => void) | undefined;
}

/** What a store has done since it was opened, and what it holds. */
export interface LogStatistics extends JournalStatistics, DestageStatistics {
  /** The cache of recent entries, at most `cacheBytesMax` and what is not durable yet. */
  readonly cachedBytes: number;
}

/** How a group's history is kept. */
export interface GroupSettings {
  readonly segmentBytesMax: number;
  readonly segmentMsMax: number;
}

/** What of a group's history nobody needs any more: offsets before one, or entries before one, or both. */
export interface HistoryCut {
  readonly startOffset?: number | undefined;
  readonly index?: number | undefined;
}

/**
 * One broker's storage: the logs and hard states of all its Raft groups. What is new lies in one journal;
 * what outlives the journal's window lies in segments of its group.
 */
export class LogStore {
  readonly #options: LogStoreOptions;
  readonly #lock: DiskLock;
  readonly #journal: Journal;
  readonly #cache: TailCache;
  readonly #reader: EntryReader;
  readonly #segments: SegmentReader;
  readonly #checkpoint: CheckpointWriter;
  readonly #destager: Destager;
  readonly #space: SpaceWatch;
  readonly #groups = new Map<string, GroupLog>();
  readonly #states = new Map<GroupLog, GroupState>();
  /** Groups with a tombstone in the journal, and the file that it is in. */
  readonly #deleted: Map<string, number>;
  /** Where records were lost whose groups nobody can name. */
  readonly #damage: string | undefined;
  #nextFileId: number;
  #failed: LogError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    options: LogStoreOptions,
    config: LogConfig,
    lock: DiskLock,
    found: FoundStore,
    { directoryId, end, files, freeFiles }: RecoveredJournal,
  ) {
    const { disk, directory, logger, clock } = options;
    this.#options = options;
    this.#lock = lock;
    this.#deleted = found.replay.deleted;
    this.#damage = found.replay.damage;
    this.#nextFileId = found.nextFileId;
    this.#cache = new TailCache(config.cacheBytesMax);
    const onFailed = (error: LogError): void => this.#fail(error);
    this.#journal = new Journal({
      disk,
      directory,
      directoryId,
      logger,
      clock,
      config,
      files,
      freeFiles,
      end,
      onDurable: (appendNumber) => this.#cache.markDurable(appendNumber),
      onFailed,
    });
    this.#reader = new EntryReader(this.#journal.files, config.readBytesMax);
    this.#segments = new SegmentReader(disk, directory, config);
    this.#checkpoint = new CheckpointWriter({
      disk,
      directory,
      logger,
      lastNumber: found.checkpoint?.number ?? 0,
      capture: () => ({
        directoryId,
        nextFileId: this.#nextFileId,
        startSequence: startSequenceOf(this.#states.values(), this.#journal.activeSequence),
        durableTo: this.#journal.end,
        damage: this.#damage ?? "",
        groups: captureGroups(this.#states.values()),
      }),
      barrier: () => this.#journal.commit(),
      written: ({ startSequence }) => this.#forgetJournalBefore(startSequence),
      onFailed,
    });
    this.#destager = new Destager({
      disk,
      directory,
      clock,
      logger,
      config,
      journal: this.#journal,
      entries: this.#reader,
      segments: this.#segments,
      checkpoint: this.#checkpoint,
      groups: () => this.#states.values(),
      takeFileId: () => this.#nextFileId++,
      onFailed,
    });
    this.#space = new SpaceWatch({
      disk,
      directory,
      clock,
      logger,
      config,
      journal: this.#journal,
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
    try {
      const directoryId =
        options.directoryId === undefined ? undefined : idBytes(options.directoryId);
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
      const store = new LogStore(options, config, lock, found, recovered);
      await store.#begin(found);
      store.#reportRecovery(clock.monotonicMs() - startMs);
      return store;
    } catch (error) {
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
    return this.#space.isFull;
  }

  /** Counts since the store was opened, and what is in memory, for metrics. */
  get statistics(): LogStatistics {
    return {
      ...this.#journal.statistics,
      ...this.#destager.statistics,
      cachedBytes: this.#cache.bytes,
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
    if (this.#damage !== undefined && certainty === "perhapsKnown") {
      quarantine(state, `records of it may have been in a damaged place: ${this.#damage}`);
    }
    return this.#addGroup(state);
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
    const { sequence } = this.#journal.place({
      kind: "tombstone",
      key,
      recordNumber,
      hardState,
      entries: [],
    });
    this.#deleted.set(name, sequence);
    await this.#journal.commit();
    await this.#removeFilesOf(state);
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
  async saveImage(group: GroupLog, index: number, body: Uint8Array): Promise<void> {
    this.#assertUsable();
    const state = this.#stateOf(group);
    const { disk, directory } = this.#options;
    const fileId = this.#nextFileId++;
    const path = disk.join(directory, imageFileName(state.key, fileId));
    await writeImage(disk, path, state.key, index, body);
    await disk.syncDirectory(directory);
    if (state.isDeleted) this.#checkpoint.removeLater(path);
    if (!state.isDeleted) this.#replaceImage(state, { fileId, index });
    await this.#checkpoint.write();
  }

  /** The newest image of a group. Rejects with DATA_DAMAGED or the disk's error. */
  async image(
    group: GroupLog,
  ): Promise<{ readonly index: number; readonly body: Uint8Array } | undefined> {
    const { image, key } = this.#stateOf(group);
    if (image === undefined) return undefined;
    const { disk, directory } = this.#options;
    const path = disk.join(directory, imageFileName(key, image.fileId));
    return { index: image.index, body: await readImage(disk, path, key, image.index) };
  }

  /**
   * Says what of a group's history nobody needs. Segments that lie wholly before are removed, as far as an
   * image contains what they led to; what is still in the journal never moves to one. Resolves when
   * what goes is durably gone.
   */
  async cut(group: GroupLog, { index = 0, startOffset = 0 }: HistoryCut): Promise<void> {
    this.#assertUsable();
    const state = this.#stateOf(group);
    state.cutIndex = Math.max(state.cutIndex, index);
    state.startOffset = Math.max(state.startOffset, startOffset);
    await this.#destager.exclusively(async () => {
      if (!state.isDeleted && this.#dropSegments(state)) await this.#checkpoint.write();
    });
  }

  /**
   * Describes a group's history up to entry `index` for a broker that lacks it: everything up to there moves
   * to segments, which are then read with `readSegment`. `image` is the state machine as of `index`, which
   * is applied. `undefined` where more than that has moved already: take a later one. The segments may be gone
   * by the time they are asked for; then take a new one.
   */
  async exportSnapshot(
    group: GroupLog,
    index: number,
    image: Uint8Array,
  ): Promise<SnapshotManifest | undefined> {
    this.#assertUsable();
    const state = this.#stateOf(group);
    await this.#journal.commit(); // What moves must be durable.
    let manifest: SnapshotManifest | undefined;
    await this.#destager.moveGroup(state, index, () => {
      if (state.index.movedIndex === index) manifest = describeHistory(state, image);
    });
    return manifest;
  }

  /** Bytes of a segment's file, for another broker. Rejects with READ_FAILED where it is gone. */
  async readSegment(
    group: GroupLog,
    fileId: number,
    position: number,
    length: number,
  ): Promise<Uint8Array> {
    const state = this.#stateOf(group);
    if (!state.segments.some((segment) => segment.fileId === fileId)) {
      throw new LogError("READ_FAILED", `Group ${state.name} has no segment ${fileId} (any more)`);
    }
    const bytes = Buffer.allocUnsafeSlow(length);
    const bytesRead = await this.#segments.read(state.key, { fileId }, position, bytes);
    return bytes.subarray(0, bytesRead);
  }

  /**
   * Replaces a group's whole log by the history of another broker, whose segments `fetch` brings. Nothing
   * must be appended to the group meanwhile. Resolves when it is durable; until then, and where it fails, the
   * group is what it was. `hardState` is what it has afterwards; a group that was quarantined is not any more.
   */
  async installSnapshot(
    group: GroupLog,
    manifest: SnapshotManifest,
    hardState: HardState,
    fetch: FetchSegment,
  ): Promise<void> {
    this.#assertUsable();
    const state = this.#stateOf(group);
    const { disk, directory } = this.#options;
    const paths: string[] = [];
    try {
      const segments: SegmentInfo[] = [];
      for (const source of manifest.segments) {
        const fileId = this.#nextFileId++;
        const path = this.#segments.pathOf(state.key, { fileId });
        paths.push(path);
        segments.push(await copySegment(disk, path, state.key, source, fileId, fetch));
      }
      const image = { fileId: this.#nextFileId++, index: manifest.index };
      const imagePath = disk.join(directory, imageFileName(state.key, image.fileId));
      paths.push(imagePath);
      await writeImage(disk, imagePath, state.key, image.index, manifest.image);
      await disk.syncDirectory(directory);
      await this.#destager.exclusively(async () => {
        if (state.isDeleted) throw new LogError("GROUP_DELETED", `Group ${state.name} was deleted`);
        this.#replaceHistory(state, { ...manifest, segments }, hardState, image);
        await this.#checkpoint.write();
      });
    } catch (error) {
      for (const path of paths) {
        if (!state.segments.some((s) => this.#segments.pathOf(state.key, s) === path)) {
          this.#checkpoint.removeLater(path);
        }
      }
      throw error;
    }
  }

  /**
   * Makes writes durable, all with one gathered write and one fdatasync, together with whatever else
   * was appended since the last flush. Reads see them at once. Calls may overlap; they resolve in
   * order. After a crash each write is there wholly or not at all, and never without those before it.
   *
   * The entries' data belongs to the store from here on. Rejects with STORAGE_FAILED (which is for
   * good: the write may or may not be there after a restart) or STORE_CLOSED.
   */
  append(writes: readonly GroupWrite[]): Promise<void> {
    try {
      this.#assertUsable();
    } catch (error) {
      return Promise.reject(error);
    }
    for (const write of writes) {
      this.#assertValid(write);
      this.#place(write);
    }
    this.#destager.poke();
    return this.#journal.commit();
  }

  /** Waits for what is under way, marks the journal as complete and releases the directory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      this.#space.stop();
      await this.#destager.stop();
      await this.#checkpoint.close();
      await this.#segments.close();
      await this.#journal.close();
    } finally {
      await this.#lock.release();
    }
  }

  /** Makes the journal ready to be written, and the first checkpoint where there is none. */
  async #begin({ checkpoint, copies, unnamedFiles }: FoundStore): Promise<void> {
    const { disk, directory } = this.#options;
    if (checkpoint !== undefined) await this.#checkpoint.settle(checkpoint);
    await this.#journal.begin();
    // A copy that cannot be read may name files that the others do not.
    if (copies.every(({ state }) => state !== "damaged")) {
      for (const name of unnamedFiles) await disk.remove(disk.join(directory, name));
    }
    if (checkpoint === undefined) await this.#checkpoint.write();
    this.#space.start();
  }

  #fail(error: LogError): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    this.#options.onFailed?.(error);
  }

  #addGroup(state: GroupState): GroupLog {
    const group = new GroupLog(state, this.#reader, this.#segments, this.#cache);
    this.#groups.set(state.name, group);
    this.#states.set(group, state);
    return group;
  }

  #stateOf(group: GroupLog): GroupState {
    const state = this.#states.get(group);
    assert(state !== undefined, `group ${groupName(group.key)} was deleted or is another store's`);
    return state;
  }

  #assertUsable(): void {
    if (this.#closing !== undefined) throw new LogError("STORE_CLOSED", "The store is closed");
    if (this.failed !== undefined) throw this.failed;
  }

  #assertValid({ group, entries }: GroupWrite): void {
    const { name, index, isBroken } = this.#stateOf(group);
    assert(!isBroken, `group ${name} was recovered as quarantined`);
    const first = entries[0];
    if (first === undefined) return;
    assert(
      first.index >= index.firstIndex && first.index <= index.lastIndex + 1,
      `entry ${first.index} of group ${name}, whose log ends at ${index.lastIndex}`,
    );
    let offset = index.offsetAfter(first.index - 1);
    for (const [row, entry] of entries.entries()) {
      assert(
        entry.index === first.index + row,
        `entry ${entry.index} after ${first.index + row - 1}`,
      );
      const coverage = batchCoverage(entry.type, entry.data);
      if (coverage === undefined) continue;
      assert(
        coverage.baseOffset === offset && coverage.recordCount > 0,
        `entry ${entry.index} of group ${name} begins at offset ${coverage.baseOffset}, not ${offset}`,
      );
      offset += coverage.recordCount;
    }
  }

  #place(write: GroupWrite): void {
    const state = this.#stateOf(write.group);
    const { entries, hardState = state.hardState } = write;
    const { key, nextRecordNumber: recordNumber } = state;
    const placed = this.#journal.place({ kind: "write", key, recordNumber, hardState, entries });
    state.hardState = hardState;
    state.nextRecordNumber++;
    if (entries[0] !== undefined) state.truncate(entries[0].index);
    let { dataPosition } = placed;
    for (const [row, entry] of entries.entries()) {
      const { data, term, type } = entry;
      const dataCrc = placed.dataCrcs[row] ?? 0;
      const coverage = batchCoverage(type, data);
      const { sequence } = placed;
      const dataBytes = data.length;
      state.index.push({
        sequence,
        dataPosition,
        dataBytes,
        dataCrc,
        term,
        type,
        coverage,
        recordNumber,
      });
      this.#cache.add(state.cached, entry, this.#journal.appendNumber);
      dataPosition += dataBytes;
    }
  }

  /** No record before this file is needed: the checkpoint has what they said. */
  async #forgetJournalBefore(sequence: number): Promise<void> {
    for (const [name, tombstone] of this.#deleted) {
      if (tombstone < sequence) this.#deleted.delete(name);
    }
    await this.#journal.release(sequence);
  }

  #replaceHistory(
    state: GroupState,
    manifest: SnapshotManifest,
    hardState: HardState,
    image: ImageInfo,
  ): void {
    for (const segment of state.segments) {
      this.#segments.forget(state.key, segment);
      this.#checkpoint.removeLater(this.#segments.pathOf(state.key, segment));
    }
    this.#replaceImage(state, image);
    state.replaceHistory(manifest, hardState);
  }

  #replaceImage(state: GroupState, image: GroupState["image"]): void {
    const { disk, directory } = this.#options;
    const { image: old, key } = state;
    if (old !== undefined) {
      this.#checkpoint.removeLater(disk.join(directory, imageFileName(key, old.fileId)));
    }
    state.image = image;
  }

  /** Forgets the segments that nobody needs; answers whether there were any. */
  #dropSegments(state: GroupState): boolean {
    const { cutIndex, image, key, segments, startOffset } = state;
    const isNeeded = segments.findIndex(({ endOffset, lastIndex }) => {
      const isWanted = endOffset > startOffset && lastIndex >= cutIndex;
      return isWanted || lastIndex > (image?.index ?? 0);
    });
    const dropped = segments.slice(0, isNeeded === -1 ? segments.length : isNeeded);
    const last = dropped.at(-1);
    if (last === undefined) return false;
    state.segments = segments.slice(dropped.length);
    state.raftFirstIndex = Math.max(state.raftFirstIndex, last.lastIndex + 1);
    state.index.forgetTermsBefore(state.raftFirstIndex - 1);
    for (const segment of dropped) {
      this.#segments.forget(key, segment);
      this.#checkpoint.removeLater(this.#segments.pathOf(key, segment));
    }
    return true;
  }

  // Its tombstone is durable, so a start in between finds the group deleted, whatever the checkpoint says.
  async #removeFilesOf({ image, key, segments }: GroupState): Promise<void> {
    const { disk, directory, logger } = this.#options;
    const paths = segments.map((segment) => this.#segments.pathOf(key, segment));
    for (const segment of segments) this.#segments.forget(key, segment);
    if (image !== undefined) paths.push(disk.join(directory, imageFileName(key, image.fileId)));
    for (const path of paths) {
      await disk.remove(path).catch((error: unknown) => {
        logger.warn("A file of a deleted group could not be removed.", { path, error });
      });
    }
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

function idBytes(uuid: string): Uint8Array {
  const bytes = Buffer.from(uuid.replaceAll("-", ""), "hex");
  assert(bytes.length === directoryIdBytes, `a directory id must be a UUID, not "${uuid}"`);
  return bytes;
}

function describeHistory(state: GroupState, image: Uint8Array): SnapshotManifest {
  const { index, raftFirstIndex, segments, startOffset } = state;
  return {
    index: index.movedIndex,
    endOffset: index.movedOffset,
    raftFirstIndex,
    startOffset,
    termRuns: [...index.termRuns()].filter(([startIndex]) => startIndex <= index.movedIndex),
    segments,
    image,
  };
}

import assert from "node:assert/strict";
import type { Clock, Disk, DiskLock, Logger } from "@ropewalk/runtime";
import { batchCoverage } from "./batch-coverage.ts";
import { EntryReader } from "./entry-reader.ts";
import { directoryIdBytes } from "./file-header.ts";
import { GroupLog } from "./group-log.ts";
import { GroupState } from "./group-state.ts";
import { Journal, type JournalStatistics } from "./journal.ts";
import type { JournalUsage } from "./journal-usage.ts";
import { completeLogConfig, flushBytesBound, type LogConfig } from "./log-config.ts";
import { type GroupKey, groupName, type HardState, type LogEntry } from "./log-entry.ts";
import { lockLogDirectory } from "./directory-lock.ts";
import { LogError } from "./log-error.ts";
import { type Recovered, Recovery } from "./recovery.ts";
import { quarantine } from "./replay.ts";
import { reclaimJournalFiles } from "./reclaim.ts";
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
}

/** What a store has done since it was opened, and what it holds. */
export interface LogStatistics extends JournalStatistics {
  /** The cache of recent entries, at most `cacheBytesMax` and what is not durable yet. */
  readonly cachedBytes: number;
}

/** What a fresh journal's first file is filled with before the store is open: little, so that a start is fast. */
const filledBytesAtFirst = 256 * 1024;

/** One broker's storage: the logs and hard states of all its Raft groups, in one journal. */
export class LogStore {
  readonly #options: LogStoreOptions;
  readonly #lock: DiskLock;
  readonly #journal: Journal;
  readonly #usage: JournalUsage;
  readonly #cache: TailCache;
  readonly #reader: EntryReader;
  readonly #groups = new Map<string, GroupLog>();
  readonly #states = new Map<GroupLog, GroupState>();
  /** Where records were lost whose groups nobody can name. */
  readonly #damage: string | undefined;
  #reclaiming: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(
    options: LogStoreOptions,
    config: LogConfig,
    lock: DiskLock,
    recovered: Recovered,
  ) {
    const { disk, directory, logger, clock } = options;
    const { replay, files, directoryId, end } = recovered;
    this.#options = options;
    this.#lock = lock;
    this.#usage = replay.usage;
    this.#damage = replay.damage;
    this.#cache = new TailCache(config.cacheBytesMax);
    const onDurable = (appendNumber: number): void => this.#cache.markDurable(appendNumber);
    this.#journal = new Journal({
      disk,
      directory,
      directoryId,
      logger,
      clock,
      config,
      files,
      end,
      onDurable,
    });
    this.#reader = new EntryReader(this.#journal.files, config.readBytesMax);
    for (const state of replay.groups.values()) this.#addGroup(state);
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
      const recovered = await new Recovery({
        disk,
        directory,
        logger,
        directoryId,
        filledBytesAtFirst: Math.min(filledBytesAtFirst, config.fileBytesMax),
        flushBytesMax: flushBytesBound(config),
      }).run();
      const store = new LogStore(options, config, lock, recovered);
      store.#reportRecovery(clock.monotonicMs() - startMs);
      store.#reclaiming = store.#reclaim(); // What a crash kept from being removed.
      return store;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Why every append rejects; `undefined` while the store is sound. Reads go on either way. */
  get failed(): LogError | undefined {
    return this.#journal.failed;
  }

  /** Counts since the store was opened, and what is in memory, for metrics. */
  get statistics(): LogStatistics {
    return { ...this.#journal.statistics, cachedBytes: this.#cache.bytes };
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
    assert(!this.#usage.isDeleted(name), `group ${name} was deleted; its key is not given twice`);
    const state = new GroupState(key);
    if (this.#damage !== undefined && certainty === "perhapsKnown") {
      quarantine(state, `records of it may have been in a damaged place: ${this.#damage}`);
    }
    return this.#addGroup(state);
  }

  /** Whether the group is known to have been deleted here. The knowledge goes with the files that held it. */
  wasDeleted(key: GroupKey): boolean {
    return this.#usage.isDeleted(groupName(key));
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
    const placed = this.#journal.place({
      kind: "tombstone",
      key,
      recordNumber,
      hardState,
      entries: [],
    });
    await this.#journal.commit();
    this.#usage.addTombstone(placed.sequence, name);
    // A store that closes leaves it to the next start.
    if (this.#closing === undefined) {
      this.#reclaiming = this.#reclaiming.then(() => this.#reclaim());
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
    return this.#journal.commit();
  }

  /** Waits for what is under way, marks the journal as complete and releases the directory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#reclaiming;
      await this.#journal.close();
    } finally {
      await this.#lock.release();
    }
  }

  #addGroup(state: GroupState): GroupLog {
    const group = new GroupLog(state, this.#reader, this.#cache);
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
    this.#usage.addRecord(placed.sequence, state.name);
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
      state.index.push({ sequence, dataPosition, dataBytes, dataCrc, term, type, coverage });
      this.#cache.add(state.cached, entry, this.#journal.appendNumber);
      dataPosition += dataBytes;
    }
  }

  #reclaim(): Promise<void> {
    return reclaimJournalFiles(this.#options, this.#journal, this.#usage);
  }

  #reportRecovery(durationMs: number): void {
    const { directory, logger } = this.#options;
    const quarantined: string[] = [];
    for (const group of this.#groups.values()) {
      if (group.quarantined !== undefined) quarantined.push(groupName(group.key));
    }
    const fields = { directory, groups: this.#groups.size, durationMs };
    logger.info("The journal was recovered.", fields);
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

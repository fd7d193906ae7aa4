import { type GroupKey, type GroupLog, LogError, type LogStore } from "@ropewalk/log";
import type { ConfState, Entry, HardState, Snapshot, Storage } from "raft-ts";
import { Turns } from "../turns.ts";

/** What a storage asks of its group, and tells it. */
export interface GroupStorageEvents {
  /** Entries that were asked for are in memory, or are to be asked for again. */
  fetched(): void;
  /** Stored entries are not what was written. */
  damaged(error: unknown): void;
  /** Entries could not be read, which says nothing against them; `retry` lets the node ask again. */
  readFailed(error: unknown, retry: () => void): void;
  /** A replica needs what the log does not hold any more. */
  snapshotWanted(): Snapshot | "unavailable";
}

/**
 * Shows a group's log to raft-ts. The membership is the one of the time when the node is made; later changes it applies
 * itself. Snapshots are made
 * elsewhere, for they take time.
 */
export class GroupStorage implements Storage {
  readonly #log: GroupLog;
  readonly #confState: ConfState;
  readonly #appliedIndex: number;
  readonly #events: GroupStorageEvents;
  readonly #reads: Turns;
  #fetching = false;
  /** What was read last and nobody has asked for yet: the log may have no room to keep it. */
  #fetched: readonly Entry[] = [];

  constructor(
    log: GroupLog,
    confState: ConfState,
    appliedIndex: number,
    events: GroupStorageEvents,
    reads: Turns = new Turns(1),
  ) {
    this.#log = log;
    this.#confState = confState;
    this.#appliedIndex = appliedIndex;
    this.#events = events;
    this.#reads = reads;
  }

  initialState(): { hardState: HardState; confState: ConfState } {
    const { term, vote, commit } = this.#log.hardState;
    // The commit index is written along with other things, never for its own sake, so what was applied
    // may lie beyond the one on disk. Applied implies committed.
    const hardState = { term, vote, commit: Math.max(commit, this.#appliedIndex) };
    return { hardState, confState: this.#confState };
  }

  firstIndex(): number {
    return this.#log.firstIndex();
  }

  lastIndex(): number {
    return this.#log.lastIndex();
  }

  term(index: number): number | "compacted" | "unavailable" {
    return this.#log.term(index);
  }

  entries(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): readonly Entry[] | "compacted" | "unavailable" | "pending" {
    const entries = this.#log.entries(startIndex, endIndex, bytesMax);
    if (entries !== "pending") {
      if (typeof entries === "object") this.#served(entries);
      return entries;
    }
    const fetched = this.#takeFetched(startIndex, endIndex, bytesMax);
    if (fetched.length > 0) return fetched;
    this.#fetch(startIndex, endIndex, bytesMax);
    return "pending";
  }

  snapshot(): Snapshot | "unavailable" {
    return this.#events.snapshotWanted();
  }

  // Every read serves somebody once. Otherwise, where entries that are not durable yet take all of the log's
  // memory, the same would be read and forgotten without an end, and without a turn for anything else.
  #takeFetched(startIndex: number, endIndex: number, bytesMax: number): readonly Entry[] {
    const from = this.#fetched.findIndex(({ index }) => index === startIndex);
    if (from === -1) return [];
    const taken: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#fetched.slice(from)) {
      bytes += entry.data.length;
      const isCurrent = this.#log.term(entry.index) === entry.term;
      if (entry.index >= endIndex || !isCurrent || (taken.length > 0 && bytes > bytesMax)) break;
      taken.push(entry);
    }
    this.#fetched = [];
    return taken;
  }

  /** Mostly the log keeps what was read, for as long as it has room, and answers itself. */
  #served(entries: readonly Entry[]): void {
    const [first, last] = [entries[0]?.index ?? 0, entries.at(-1)?.index ?? 0];
    const isForWhoAsked = this.#fetched.some(({ index }) => index === first);
    if (isForWhoAsked) this.#fetched = this.#fetched.filter(({ index }) => index > last);
  }

  /** One read at a time: whoever else waits asks again when it is done. */
  #fetch(startIndex: number, endIndex: number, bytesMax: number): void {
    if (this.#fetching) return;
    this.#fetching = true;
    const done = (): void => {
      this.#fetching = false;
      this.#events.fetched();
    };
    const take = (entries: readonly Entry[]): void => {
      this.#fetched = entries;
      done();
    };
    // The log may be another one when its turn comes: whoever asked then asks again.
    const read = (): Promise<readonly Entry[]> => {
      const isThere = startIndex >= this.#log.firstIndex() && endIndex <= this.#log.lastIndex() + 1;
      return isThere ? this.#log.fetch(startIndex, endIndex, bytesMax) : Promise.resolve([]);
    };
    this.#reads.run(read).then(take, (error: unknown) => {
      const { quarantined } = this.#log;
      if (quarantined !== undefined || isDamage(error)) this.#events.damaged(quarantined ?? error);
      else this.#events.readFailed(error, done);
    });
  }
}

/** Whether an error says that stored bytes are not what was written. */
export function isDamage(error: unknown): boolean {
  return error instanceof LogError && error.reason === "DATA_DAMAGED";
}

/** The group's log, which becomes durable with its first write. For `isNew` see `LogStore.createGroup`. */
export function openGroupLog(store: LogStore, key: GroupKey, isNew: boolean = false): GroupLog {
  return store.group(key) ?? store.createGroup(key, isNew ? "neverExisted" : "perhapsKnown");
}

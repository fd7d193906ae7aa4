import { assert } from "./assert.ts";
import type { ConfState } from "./conf-state.ts";
import { EMPTY_CONF_STATE } from "./conf-state.ts";
import type { Entry } from "./entry.ts";
import { limitEntries, NO_DATA, NO_ENTRIES } from "./entry.ts";
import type { HardState } from "./hard-state.ts";
import { EMPTY_HARD_STATE } from "./hard-state.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Storage } from "./storage.ts";

/**
 * A log in memory: for tests, for groups that live in one process, and as the reference for storages
 * that write to disk. Nothing survives the process.
 */
export class MemoryStorage implements Storage {
  #hardState: HardState = EMPTY_HARD_STATE;
  #confState: ConfState;
  /** Stands for everything before the first entry; at index 0 when nothing was compacted. */
  #snapshot: Snapshot;
  #compactedIndex = 0;
  #compactedTerm = 0;
  #entries: Entry[] = [];

  /** A group with this membership and an empty log. A node that joins later starts with none. */
  constructor(confState: ConfState = EMPTY_CONF_STATE) {
    this.#confState = confState;
    this.#snapshot = { index: 0, term: 0, confState, data: NO_DATA };
  }

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#confState };
  }

  firstIndex(): number {
    return this.#compactedIndex + 1;
  }

  lastIndex(): number {
    return this.#compactedIndex + this.#entries.length;
  }

  term(index: number): number | "compacted" | "unavailable" {
    if (index < this.#compactedIndex) return "compacted";
    if (index === this.#compactedIndex) return this.#compactedTerm;
    return this.#entries[index - this.#compactedIndex - 1]?.term ?? "unavailable";
  }

  entries(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): readonly Entry[] | "compacted" | "unavailable" | "pending" {
    if (startIndex <= this.#compactedIndex) return "compacted";
    if (endIndex > this.lastIndex() + 1) return "unavailable";
    const first = this.#compactedIndex + 1;
    const page = this.#entries.slice(startIndex - first, endIndex - first);
    return limitEntries(page, bytesMax);
  }

  /** "unavailable" until the log was compacted or a snapshot was installed. */
  snapshot(): Snapshot | "unavailable" {
    return this.#snapshot.index === 0 ? "unavailable" : this.#snapshot;
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /** Replaces everything from the first entry's index on. What is compacted already is skipped. */
  append(entries: readonly Entry[]): void {
    const fresh = entries.filter((entry) => entry.index > this.#compactedIndex);
    const first = fresh[0];
    if (first === undefined) return;
    assert(first.index <= this.lastIndex() + 1, "an append leaves no gap in the log");
    this.#entries.length = first.index - this.#compactedIndex - 1;
    for (const entry of fresh) this.#entries.push(entry);
  }

  /** Replaces log and membership by `snapshot`. One that is not newer than the present one is ignored. */
  applySnapshot(snapshot: Snapshot): void {
    if (snapshot.index <= this.#snapshot.index) return;
    this.#snapshot = snapshot;
    this.#confState = snapshot.confState;
    this.#compactedIndex = snapshot.index;
    this.#compactedTerm = snapshot.term;
    this.#entries = [...NO_ENTRIES];
  }

  /** Takes the state as of `index`, which was applied, as the snapshot for nodes that lag behind. */
  createSnapshot(index: number, confState: ConfState, data: Uint8Array): Snapshot {
    assert(index > this.#snapshot.index, "a snapshot is newer than the one before");
    const term = this.term(index);
    assert(typeof term === "number", "a snapshot is of an entry that the log holds");
    this.#snapshot = { index, term, confState, data };
    return this.#snapshot;
  }

  /** Notes the membership as of the applied index. */
  setConfState(confState: ConfState): void {
    this.#confState = confState;
  }

  /** Forgets the entries up to and including `index`. The caller has applied them. */
  compact(index: number): void {
    if (index <= this.#compactedIndex) return;
    const term = this.term(index);
    assert(typeof term === "number", "a log is compacted up to an entry that it holds");
    this.#entries = this.#entries.slice(index - this.#compactedIndex);
    this.#compactedIndex = index;
    this.#compactedTerm = term;
  }
}

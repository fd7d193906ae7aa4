import { assert } from "./assert.ts";
import type { Entry, EntryId } from "./entry.ts";
import { entriesBytes, limitEntries, NO_ENTRIES } from "./entry.ts";
import type { RaftEventListener } from "./event.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Storage } from "./storage.ts";
import { Unstable } from "./unstable.ts";

/** Why a page of the log cannot be had now. */
export type LogGap = "compacted" | "unavailable" | "pending";

/**
 * The whole log of a node: what storage has, then what is on its way there.
 *
 * Invariants: applied ≤ applying ≤ committed ≤ last index; none of the three ever falls.
 */
export class RaftLog {
  readonly storage: Storage;
  readonly unstable: Unstable;
  readonly #onEvent: RaftEventListener | undefined;
  readonly #applyingBytesMax: number;
  #committed: number;
  #applying: number;
  #applied: number;
  #applyingBytes = 0;
  #applyingPaused = false;
  /** Whether the next entries to apply are being read from disk. */
  #applyFetchPending = false;

  constructor(storage: Storage, applyingBytesMax: number, onEvent: RaftEventListener | undefined) {
    const firstIndex = storage.firstIndex();
    this.storage = storage;
    this.unstable = new Unstable(storage.lastIndex() + 1, onEvent);
    this.#applyingBytesMax = applyingBytesMax;
    this.#onEvent = onEvent;
    this.#committed = firstIndex - 1;
    this.#applying = firstIndex - 1;
    this.#applied = firstIndex - 1;
  }

  get committed(): number {
    return this.#committed;
  }

  /** Highest index handed out to be applied. */
  get applying(): number {
    return this.#applying;
  }

  get applied(): number {
    return this.#applied;
  }

  firstIndex(): number {
    return this.unstable.maybeFirstIndex() ?? this.storage.firstIndex();
  }

  lastIndex(): number {
    return this.unstable.maybeLastIndex() ?? this.storage.lastIndex();
  }

  lastEntryId(): EntryId {
    const index = this.lastIndex();
    return { index, term: this.termOrZero(index) };
  }

  /** The term at `index`; known from one before the first index to the last. */
  term(index: number): number | "compacted" | "unavailable" {
    const term = this.unstable.maybeTerm(index);
    if (term !== undefined) return term;
    if (index + 1 < this.firstIndex()) return "compacted";
    if (index > this.lastIndex()) return "unavailable";
    return this.storage.term(index);
  }

  /** The term at `index`, 0 where there is none. */
  termOrZero(index: number): number {
    const term = this.term(index);
    return typeof term === "number" ? term : 0;
  }

  matchesTerm(id: EntryId): boolean {
    return this.term(id.index) === id.term;
  }

  /** Whether a log that ends in `last` holds everything this one may have committed (§5.4.1). */
  isUpToDate(last: EntryId): boolean {
    const own = this.lastEntryId();
    return last.term > own.term || (last.term === own.term && last.index >= own.index);
  }

  /**
   * Follower: puts the entries of an append behind `previous`, and answers the last index it covers, or
   * undefined when the log does not hold `previous`. Nothing is cut before the first real conflict, so
   * a late or repeated append cannot undo a newer one.
   */
  maybeAppend(previous: EntryId, entries: readonly Entry[], commit: number): number | undefined {
    if (!this.matchesTerm(previous)) return undefined;
    const coveredIndex = previous.index + entries.length;
    const position = this.#findConflict(entries);
    if (position < entries.length) {
      const conflict = entries[position] as Entry;
      assert(conflict.index > this.#committed, "a committed entry is never replaced");
      this.append(position === 0 ? entries : entries.slice(position));
    }
    // Only what this append vouches for may be committed: the rest of the log may be another leader's.
    this.commitTo(Math.min(commit, coveredIndex));
    return coveredIndex;
  }

  /** Puts `entries` into the log and answers the last index. */
  append(entries: readonly Entry[]): number {
    const first = entries[0];
    if (first !== undefined) {
      assert(first.index > this.#committed, "an append starts behind what is committed");
      this.unstable.truncateAndAppend(entries);
    }
    return this.lastIndex();
  }

  /** Position of the first entry that is new or differs; `entries.length` when there is none. */
  #findConflict(entries: readonly Entry[]): number {
    for (let position = 0; position < entries.length; position++) {
      const entry = entries[position] as Entry;
      if (this.matchesTerm(entry)) continue;
      if (this.#onEvent !== undefined && entry.index <= this.lastIndex()) {
        const existingTerm = this.termOrZero(entry.index);
        this.#onEvent({
          kind: "conflictFound",
          index: entry.index,
          existingTerm,
          term: entry.term,
        });
      }
      return position;
    }
    return entries.length;
  }

  /**
   * The highest index at or before `index` whose term is at most `term`: where this log and one that
   * has `term` there may agree. The term is 0 when it is not known any more.
   */
  findConflictByTerm(index: number, term: number): EntryId {
    for (let candidate = index; candidate > 0; candidate--) {
      const ownTerm = this.term(candidate);
      if (typeof ownTerm !== "number") return { index: candidate, term: 0 };
      if (ownTerm <= term) return { index: candidate, term: ownTerm };
    }
    return { index: 0, term: 0 };
  }

  commitTo(index: number): void {
    if (index <= this.#committed) return;
    assert(index <= this.lastIndex(), "an entry is committed only when the log holds it");
    this.#committed = index;
  }

  /** Leader: commits up to `index` if that entry is of its own term (§5.4.2). */
  maybeCommit(index: number, term: number): boolean {
    if (index <= this.#committed || this.term(index) !== term) return false;
    this.commitTo(index);
    return true;
  }

  /** Notes that `bytes` more of entries, up to `index`, are applied. */
  appliedTo(index: number, bytes: number): void {
    assert(
      index >= this.#applied && index <= this.#committed,
      "applied only moves up to committed",
    );
    this.#applied = index;
    this.#applying = Math.max(this.#applying, index);
    this.#applyingBytes = Math.max(this.#applyingBytes - bytes, 0);
    this.#applyingPaused = this.#applyingBytes >= this.#applyingBytesMax;
  }

  /** Notes that `bytes` of entries, up to `index`, were handed out to be applied. */
  acceptApplying(index: number, bytes: number, allowUnstable: boolean): void {
    assert(index <= this.#committed, "only committed entries are applied");
    this.#applying = index;
    this.#applyingBytes += bytes;
    // Stopping short of what could be applied means that the limit was met, whatever the sum says.
    this.#applyingPaused =
      this.#applyingBytes >= this.#applyingBytesMax ||
      index < this.#appliableIndexMax(allowUnstable);
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    if (this.#applyingPaused || this.#applyFetchPending) return false;
    if (this.unstable.snapshot !== undefined) return false;
    return this.#applying < this.#appliableIndexMax(allowUnstable);
  }

  /**
   * The next committed entries to apply. None while a snapshot is on its way to storage, for it comes
   * first; entries that are not durable here are included only when `allowUnstable`.
   */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return NO_ENTRIES;
    const endIndex = this.#appliableIndexMax(allowUnstable) + 1;
    const budget = this.#applyingBytesMax - this.#applyingBytes;
    const entries = this.slice(this.#applying + 1, endIndex, budget);
    if (entries === "pending") {
      this.#applyFetchPending = true;
      return NO_ENTRIES;
    }
    assert(typeof entries !== "string", "committed entries stay readable until they are applied");
    return entries;
  }

  /** Notes that entries which were pending are at hand. */
  entriesFetched(): void {
    this.#applyFetchPending = false;
  }

  #appliableIndexMax(allowUnstable: boolean): number {
    if (allowUnstable) return this.#committed;
    return Math.min(this.#committed, this.unstable.offset - 1);
  }

  /** Entries from `startIndex` to the end, at least one if there is any, then up to `bytesMax`. */
  entriesFrom(startIndex: number, bytesMax: number): readonly Entry[] | LogGap {
    const lastIndex = this.lastIndex();
    if (startIndex > lastIndex) return NO_ENTRIES;
    return this.slice(startIndex, lastIndex + 1, bytesMax);
  }

  /** The entries [startIndex, endIndex), or a leading part: at least one, then up to `bytesMax`. */
  slice(startIndex: number, endIndex: number, bytesMax: number): readonly Entry[] | LogGap {
    if (startIndex >= endIndex) return NO_ENTRIES;
    if (startIndex < this.firstIndex()) return "compacted";
    const offset = this.unstable.offset;
    if (startIndex >= offset) {
      return limitEntries(this.unstable.slice(startIndex, endIndex), bytesMax);
    }
    const stableEnd = Math.min(endIndex, offset);
    const stable = this.storage.entries(startIndex, stableEnd, bytesMax);
    if (typeof stable === "string") return stable;
    assert(stable[0]?.index === startIndex, "storage answers entries from the index asked for");
    if (endIndex <= offset || stable.length < stableEnd - startIndex) return stable;
    return this.#extend(stable, endIndex, bytesMax);
  }

  /** `stable`, which reaches up to the unstable part, and as much of that as fits. */
  #extend(stable: readonly Entry[], endIndex: number, bytesMax: number): readonly Entry[] {
    const budget = bytesMax - entriesBytes(stable);
    if (budget <= 0) return stable;
    const unstable = this.unstable.slice(this.unstable.offset, endIndex);
    const fitting = limitEntries(unstable, budget);
    if (fitting.length === 1 && entriesBytes(fitting) > budget) return stable;
    return [...stable, ...fitting];
  }

  /** Follower: replaces the whole log by `snapshot`. */
  restore(snapshot: Snapshot): void {
    this.#onEvent?.({
      kind: "snapshotRestoreStarted",
      snapshot: { index: snapshot.index, term: snapshot.term },
      committed: this.#committed,
      applied: this.#applied,
      applying: this.#applying,
      unstableOffset: this.unstable.offset,
      unstableOffsetInProgress: this.unstable.offsetInProgress,
      unstableCount: this.unstable.count,
    });
    assert(snapshot.index > this.#committed, "a snapshot never takes back what is committed");
    this.#committed = snapshot.index;
    this.unstable.restore(snapshot);
  }

  /** The newest snapshot, the one on its way to storage first. */
  snapshot(): Snapshot | "unavailable" {
    return this.unstable.snapshot ?? this.storage.snapshot();
  }
}

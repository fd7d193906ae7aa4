import { assert } from "./assert.ts";
import type { Entry, EntryId } from "./entry.ts";
import { NO_ENTRIES } from "./entry.ts";
import type { RaftEventListener } from "./event.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * The end of the log that storage does not have for certain yet, and a snapshot on its way there.
 *
 * Entries [offset, offsetInProgress) were handed out to be written; those from `offsetInProgress` on
 * wait for the next Ready. Invariants: `offset` ≤ `offsetInProgress` ≤ `endIndex`; entry i lies at
 * index offset + i.
 */
export class Unstable {
  snapshot: Snapshot | undefined;
  snapshotInProgress = false;
  readonly #onEvent: RaftEventListener | undefined;
  /** Entries from `#head` on; those before were persisted and wait to be cut off in bulk. */
  #entries: Entry[] = [];
  #head = 0;
  #offset: number;
  #offsetInProgress: number;
  /** The last page handed out: all peers and the disk usually ask for the same one. */
  #page: readonly Entry[] = NO_ENTRIES;
  #pageStart = 0;

  constructor(offset: number, onEvent: RaftEventListener | undefined) {
    this.#offset = offset;
    this.#offsetInProgress = offset;
    this.#onEvent = onEvent;
  }

  get offset(): number {
    return this.#offset;
  }

  get offsetInProgress(): number {
    return this.#offsetInProgress;
  }

  get count(): number {
    return this.#entries.length - this.#head;
  }

  /** One past the last entry held here. */
  get endIndex(): number {
    return this.#offset + this.count;
  }

  /** The first index if a snapshot decides it. */
  maybeFirstIndex(): number | undefined {
    return this.snapshot === undefined ? undefined : this.snapshot.index + 1;
  }

  /** The last index if it is known here. */
  maybeLastIndex(): number | undefined {
    if (this.count > 0) return this.endIndex - 1;
    return this.snapshot?.index;
  }

  /** The term at `index` if it is known here. */
  maybeTerm(index: number): number | undefined {
    if (index >= this.#offset) {
      return this.#entries[this.#head + (index - this.#offset)]?.term;
    }
    return this.snapshot?.index === index ? this.snapshot.term : undefined;
  }

  /** Whether entries wait to be handed out. */
  hasNextEntries(): boolean {
    return this.#offsetInProgress < this.endIndex;
  }

  /** The entries that wait to be handed out. */
  nextEntries(): readonly Entry[] {
    if (!this.hasNextEntries()) return NO_ENTRIES;
    return this.slice(this.#offsetInProgress, this.endIndex);
  }

  /** The snapshot that waits to be handed out. */
  nextSnapshot(): Snapshot | undefined {
    return this.snapshotInProgress ? undefined : this.snapshot;
  }

  /** Notes that everything here was handed out to be written. */
  acceptInProgress(): void {
    this.#offsetInProgress = this.endIndex;
    if (this.snapshot !== undefined) this.snapshotInProgress = true;
  }

  /**
   * Notes that the entry `stable`, and so everything before it, is durable.
   *
   * The term is compared because another leader may have replaced entries at the same indexes while
   * they were being written: trusting the index alone would forget entries that storage does not have.
   */
  stableTo(stable: EntryId): void {
    const term = this.maybeTerm(stable.index);
    if (term === undefined) {
      this.#onEvent?.({ kind: "unstableEntryMissing", index: stable.index });
      return;
    }
    if (stable.index < this.#offset) {
      this.#onEvent?.({ kind: "unstableEntryInSnapshot", index: stable.index });
      return;
    }
    if (term !== stable.term) {
      const found = { index: stable.index, term };
      this.#onEvent?.({ kind: "unstableEntryMismatch", stable, found });
      return;
    }
    this.#head += stable.index + 1 - this.#offset;
    this.#offset = stable.index + 1;
    this.#offsetInProgress = Math.max(this.#offsetInProgress, this.#offset);
    this.#cutPersisted();
  }

  /** Notes that the snapshot at `index` is durable. */
  stableSnapshotTo(index: number): void {
    if (this.snapshot?.index !== index) return;
    this.snapshot = undefined;
    this.snapshotInProgress = false;
  }

  /** Replaces everything by `snapshot`. */
  restore(snapshot: Snapshot): void {
    this.#replace([], snapshot.index + 1);
    this.snapshot = snapshot;
    this.snapshotInProgress = false;
  }

  /** Puts `entries` into the log; they replace everything from the first one's index on. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const first = entries[0];
    assert(first !== undefined, "at least one entry is appended");
    this.#page = NO_ENTRIES;
    if (first.index === this.endIndex) {
      for (const entry of entries) this.#entries.push(entry);
      return;
    }
    if (first.index <= this.#offset) {
      this.#onEvent?.({ kind: "unstableReplaced", index: first.index });
      this.#replace([...entries], first.index);
      return;
    }
    assert(first.index < this.endIndex, "an append leaves no gap in the log");
    this.#onEvent?.({ kind: "unstableTruncated", index: first.index });
    this.#entries.length = this.#head + (first.index - this.#offset);
    for (const entry of entries) this.#entries.push(entry);
    // Only what was handed out and still stands stays in progress.
    this.#offsetInProgress = Math.min(this.#offsetInProgress, first.index);
  }

  /** The entries [startIndex, endIndex), all of which are held here. The array is never changed. */
  slice(startIndex: number, endIndex: number): readonly Entry[] {
    assert(startIndex >= this.#offset && endIndex <= this.endIndex, "the entries are held here");
    if (startIndex === this.#pageStart && endIndex - startIndex === this.#page.length) {
      return this.#page;
    }
    const start = this.#head + (startIndex - this.#offset);
    this.#page = this.#entries.slice(start, start + (endIndex - startIndex));
    this.#pageStart = startIndex;
    return this.#page;
  }

  #replace(entries: Entry[], offset: number): void {
    this.#entries = entries;
    this.#head = 0;
    this.#offset = offset;
    this.#offsetInProgress = offset;
    this.#page = NO_ENTRIES;
  }

  /** Moving a long tail on every acknowledgement would cost its square, so it is cut when half is dead. */
  #cutPersisted(): void {
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
      this.#page = NO_ENTRIES;
    } else if (this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}

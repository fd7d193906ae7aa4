import assert from "node:assert/strict";
import type { EntryReader } from "./entry-reader.ts";
import type { GroupState } from "./group-state.ts";
import type { GroupKey, HardState, LogEntry } from "./log-entry.ts";
import { LogError } from "./log-error.ts";
import type { ReadMemory } from "./read-memory.ts";
import { SegmentHistory, type SegmentView, viewSegment } from "./segment/segment-history.ts";
import type { SegmentReader } from "./segment/segment-reader.ts";
import type { TailCache } from "./tail-cache.ts";

/** What the logs of all groups share. */
export interface GroupLogParts {
  readonly reader: EntryReader;
  readonly segments: SegmentReader;
  readonly cache: TailCache;
  readonly memory: ReadMemory;
}

/** Where entries that were loaded go: to the cache, or only to who asked, in this memory as far as it reaches. */
type Destination = "cache" | { readonly memory: Buffer | undefined };

/** The log of one Raft group, as it can be read. It is written through `LogStore.append`. */
export class GroupLog {
  readonly #state: GroupState;
  readonly #reader: EntryReader;
  readonly #cache: TailCache;
  readonly #history: SegmentHistory;
  readonly #memory: ReadMemory;

  constructor(state: GroupState, parts: GroupLogParts) {
    this.#state = state;
    this.#reader = parts.reader;
    this.#memory = parts.memory;
    this.#cache = parts.cache;
    this.#history = new SegmentHistory(state, parts.segments);
  }

  get key(): GroupKey {
    return this.#state.key;
  }

  /** What was appended last, durable or not yet. */
  get hardState(): HardState {
    return this.#state.hardState;
  }

  /**
   * Set when stored bytes of this group were found damaged, at the start or by a later read. Its
   * replica must not vote or lead; what can be read still is verified, but may not be all there was.
   * One that was so at the start takes no appends; one that a read found damaged does.
   */
  get quarantined(): LogError | undefined {
    return this.#state.quarantined;
  }

  /**
   * Says that the entries up to `index` are committed, so that they never change and may move from the
   * journal to segments. What the hard states say is known without it.
   */
  markCommitted(index: number): void {
    this.#state.committedIndex = Math.max(this.#state.committedIndex, index);
  }

  /** The newest image of the group's state machine: the last entry that it contains. `undefined`: there is none. */
  get imageIndex(): number | undefined {
    return this.#state.image?.index;
  }

  /** The first entry that can be sent to a replica; what is before was cut, compacted, or came as a snapshot. */
  firstIndex(): number {
    return this.#state.raftFirstIndex;
  }

  /** `firstIndex() - 1` when the log is empty. */
  lastIndex(): number {
    return this.#state.index.lastIndex;
  }

  /** The term of an entry, or of the place before the first one. */
  term(index: number): number | "compacted" | "unavailable" {
    if (index < this.firstIndex() - 1) return "compacted";
    if (index > this.lastIndex()) return "unavailable";
    return this.#state.index.term(index);
  }

  /**
   * The entries [startIndex, endIndex) as far as they are in memory: at least one, then while they
   * stay within `bytesMax` of data. "pending" when the first is not in memory: `fetch` it.
   */
  entries(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): readonly LogEntry[] | "compacted" | "unavailable" | "pending" {
    if (startIndex < this.firstIndex()) return "compacted";
    if (endIndex > this.lastIndex() + 1) return "unavailable";
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (let index = startIndex; index < endIndex; index++) {
      const entry = this.#state.cached.get(index);
      if (entry === undefined) break;
      bytes += entry.data.length;
      if (entries.length > 0 && bytes > bytesMax) break;
      entries.push(entry);
    }
    return entries.length === 0 && startIndex < endIndex ? "pending" : entries;
  }

  /**
   * The same from disk where needed, verified, and kept in memory so that `entries` answers next.
   * Rejects with DATA_DAMAGED, which quarantines the group, or READ_FAILED.
   */
  async fetch(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): Promise<readonly LogEntry[]> {
    const { index } = this.#state;
    const isWithin = startIndex >= this.firstIndex() && endIndex <= this.lastIndex() + 1;
    if (!isWithin || startIndex >= endIndex) {
      assert.fail(
        `entries [${startIndex}, ${endIndex}) of [${this.firstIndex()}, ${this.lastIndex()}]`,
      );
    }
    if (startIndex <= index.movedIndex) return this.#fetchMoved(startIndex, endIndex, bytesMax);
    const wanted: number[] = [];
    let bytes = 0;
    for (let at = startIndex; at < endIndex; at++) {
      bytes += index.dataBytes(at);
      if (wanted.length > 0 && bytes > bytesMax) break;
      wanted.push(at);
    }
    return this.#load(wanted, "cache");
  }

  /** The first offset that is still there. */
  startOffset(): number {
    const { index, segments, startOffset } = this.#state;
    return Math.max(startOffset, segments[0]?.baseOffset ?? index.movedOffset);
  }

  /** The offset after the last entry. */
  endOffset(): number {
    return this.#state.index.endOffset;
  }

  /** The offset after entry `index`, which is still in the journal or the last that is not. */
  offsetAfter(index: number): number {
    return this.#state.index.offsetAfter(index);
  }

  /** What the log consists of, the oldest first. What is still in the journal comes last, as one that is not sealed. */
  segments(): readonly SegmentView[] {
    const { index, segments } = this.#state;
    const views = segments.map(viewSegment);
    if (index.lastIndex > index.movedIndex) views.push(this.#viewRecent());
    return views;
  }

  /**
   * Whole batches, unchanged, from the one that covers `offset` on, that lie below `endOffset`: at
   * least one where there is one, then while they stay within `bytesMax`. Synchronously what is in
   * memory, otherwise from disk (see `fetch` for its errors). The bytes are shared: read-only. Whoever reads much says
   * with `giveBack` when it is done with them.
   */
  read(
    offset: number,
    endOffset: number,
    bytesMax: number,
  ): readonly Uint8Array[] | Promise<readonly Uint8Array[]> {
    const { cached, index } = this.#state;
    if (offset < index.movedOffset) return this.#readMoved(offset, endOffset, bytesMax);
    const wanted = this.#batchesFrom(offset, endOffset, bytesMax);
    const first = wanted[0];
    if (first === undefined) return [];
    const batches: Uint8Array[] = [];
    for (const at of wanted) {
      const entry = cached.get(at);
      if (entry === undefined) break;
      batches.push(entry.data);
    }
    if (batches.length > 0) return batches;
    assert(index.coversRecords(first), `entry ${first} covers no offset`);
    return this.#readRecent(wanted);
  }

  /**
   * Says that the caller, who alone has them, looks at these batches of `read` no more: their memory may be used for
   * others. To leave it out is safe, and costs fresh memory.
   */
  giveBack(batches: readonly Uint8Array[]): void {
    this.#memory.giveBack(batches);
  }

  /**
   * The first batch below `endOffset` whose largest timestamp is at least `timestampMs`; the record
   * is inside it or there is none. `undefined` when no batch qualifies.
   */
  async findTimestamp(
    timestampMs: number,
    endOffset: number,
  ): Promise<{ readonly batchBaseOffset: number } | undefined> {
    const { index, startOffset } = this.#state;
    let movedIndex: number;
    do {
      movedIndex = index.movedIndex;
      const moved = await this.#verified(() => this.#history.findTimestamp(timestampMs, endOffset));
      if (moved !== undefined) return { batchBaseOffset: moved };
      // What moved meanwhile was looked at in neither place.
    } while (index.movedIndex !== movedIndex);
    const found = index.indexOfTimestamp(timestampMs, endOffset, startOffset);
    return found === undefined ? undefined : { batchBaseOffset: index.offsetAfter(found - 1) };
  }

  #viewRecent(): SegmentView {
    const { index } = this.#state;
    let sizeBytes = 0;
    for (let at = index.firstIndex; at <= index.lastIndex; at++) sizeBytes += index.dataBytes(at);
    return {
      firstIndex: index.firstIndex,
      lastIndex: index.lastIndex,
      baseOffset: index.movedOffset,
      endOffset: index.endOffset,
      maxTimestampMs: index.maxTimestampMs,
      sizeBytes,
      createdMs: 0,
      sealed: false,
      compacted: false,
      recent: true,
    };
  }

  async #readRecent(wanted: readonly number[]): Promise<readonly Uint8Array[]> {
    let bytes = 0;
    for (const at of wanted) bytes += this.#state.index.dataBytes(at);
    const memory = this.#memory.takePiece(bytes);
    const batches = (await this.#load(wanted, { memory })).map(({ data }) => data);
    if (memory !== undefined) this.#memory.lend({ memory, readers: 0, isCached: false }, batches);
    return batches;
  }

  #readMoved(
    offset: number,
    endOffset: number,
    bytesMax: number,
  ): readonly Uint8Array[] | Promise<readonly Uint8Array[]> {
    const { movedOffset } = this.#state.index;
    const read = this.#history.read(offset, endOffset, bytesMax);
    if (!(read instanceof Promise)) return read;
    let begun: typeof read | undefined = read;
    return this.#verified(async () => {
      const attempt = begun ?? this.#history.read(offset, endOffset, bytesMax);
      begun = undefined;
      const batches = await attempt;
      // Behind the last batch of a compacted history comes what was in the journal when the read began.
      return batches.length > 0 ? batches : this.read(movedOffset, endOffset, bytesMax);
    });
  }

  async #fetchMoved(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): Promise<readonly LogEntry[]> {
    const entries = await this.#verified(() =>
      this.#history.entries(startIndex, endIndex, bytesMax),
    );
    this.#keep(entries);
    return entries;
  }

  #batchesFrom(offset: number, endOffset: number, bytesMax: number): number[] {
    const { index } = this.#state;
    const wanted: number[] = [];
    let bytes = 0;
    for (let at = index.indexOfOffset(offset); at <= index.lastIndex; at++) {
      if (index.offsetAfter(at) > endOffset) break;
      if (!index.coversRecords(at)) continue;
      bytes += index.dataBytes(at);
      if (wanted.length > 0 && bytes > bytesMax) break;
      wanted.push(at);
    }
    return wanted;
  }

  /** Entries that are in the journal; where they moved to segments meanwhile, from there. */
  async #load(indexes: readonly number[], to: Destination): Promise<readonly LogEntry[]> {
    const { replacements } = this.#state;
    try {
      return await this.#loadRecent(indexes, to);
    } catch (error) {
      // The journal file may be in use again, for other records, since the entries moved.
      const first = indexes[0] ?? 0;
      const state = this.#state;
      const isThere = (indexes.at(-1) ?? first) <= state.index.lastIndex;
      const isReplaced = state.replacements !== replacements && isThere && !state.isDeleted;
      if (first > state.index.movedIndex && isReplaced) {
        // Into other memory: reads that were under way beside the failed one may still write to this one.
        return this.#load(indexes, to === "cache" ? to : { memory: undefined });
      }
      if (first > state.index.movedIndex || state.isDeleted) throw this.#failed(error);
      const endIndex = (indexes.at(-1) ?? first) + 1;
      const moved = await this.#fetchMoved(first, endIndex, Number.POSITIVE_INFINITY);
      const wanted = new Set(indexes);
      return moved.filter((entry) => wanted.has(entry.index));
    }
  }

  async #loadRecent(indexes: readonly number[], to: Destination): Promise<readonly LogEntry[]> {
    const { cached, index } = this.#state;
    const loaded = indexes.map((at) => cached.get(at));
    const missing = indexes.filter((_, row) => loaded[row] === undefined);
    const shapes = missing.map((at) => ({
      index: at,
      term: index.term(at),
      type: index.type(at),
      location: index.locate(at),
    }));
    const locations = shapes.map(({ location }) => location);
    const data = await this.#reader.read(locations, to === "cache" ? undefined : to.memory);
    const read = new Map<number, LogEntry>();
    for (const [row, { index: at, term, type }] of shapes.entries()) {
      const bytes = data[row];
      assert(bytes !== undefined, "fewer pieces read than asked for");
      read.set(at, { index: at, term, type, data: bytes });
    }
    if (to === "cache") this.#keep([...read.values()]);
    return indexes.map((at, row) => {
      const entry = loaded[row] ?? read.get(at);
      if (entry === undefined) assert.fail(`entry ${at} was not loaded`);
      return entry;
    });
  }

  /** Reads again where what was read was replaced, moved or removed meanwhile. */
  async #verified<T>(read: () => T | Promise<T>): Promise<T> {
    for (;;) {
      const { replacements, segments } = this.#state;
      try {
        return await read();
      } catch (error) {
        const state = this.#state;
        const isSame = state.segments === segments && state.replacements === replacements;
        if (isSame || state.isDeleted) throw this.#failed(error);
      }
    }
  }

  /** What a failed read means for the group. */
  #failed(error: unknown): unknown {
    if (this.#state.isDeleted) {
      return new LogError("GROUP_DELETED", `Group ${this.#state.name} was deleted`, error);
    }
    if (error instanceof LogError && error.reason === "DATA_DAMAGED") {
      this.#state.quarantined ??= error;
    }
    return error;
  }

  // Last first: the cache lets the oldest go first, and the first entry is the one asked for next.
  // An entry that was replaced while it was read is not kept.
  #keep(entries: readonly LogEntry[]): void {
    const { cached, index } = this.#state;
    for (const entry of entries.toReversed()) {
      const isCurrent = entry.index <= index.lastIndex && index.term(entry.index) === entry.term;
      if (isCurrent && !cached.has(entry.index)) this.#cache.add(cached, entry, 0);
    }
  }
}

import type { LogEntry } from "./log-entry.ts";

/** The entries of one group that are in memory, by index. */
export type CachedEntries = Map<number, LogEntry>;

/** Counted for every entry beyond its data: the entry, its slot, its place in the map. */
const entryOverheadBytes = 160;

interface Slot {
  readonly cached: CachedEntries;
  readonly entry: LogEntry;
  /** The append that makes the entry durable. Until then it can be read nowhere else, so it stays. */
  readonly appendNumber: number;
}

/**
 * Recent entries of all groups, first in, first out, bounded in bytes. An entry that was replaced or
 * whose group was deleted leaves its map at once, and its slot in its turn.
 */
export class TailCache {
  readonly #bytesMax: number;
  #slots: (Slot | undefined)[] = [];
  #oldest = 0;
  #bytes = 0;
  #durableAppendNumber = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What the cache holds, overhead included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps an entry. `appendNumber` is that of its append, or 0 for what was read from disk. */
  add(cached: CachedEntries, entry: LogEntry, appendNumber: number): void {
    cached.set(entry.index, entry);
    this.#slots.push({ cached, entry, appendNumber });
    this.#bytes += entry.data.length + entryOverheadBytes;
    this.#evict();
  }

  /** Says that every append up to this one is durable. */
  markDurable(appendNumber: number): void {
    this.#durableAppendNumber = appendNumber;
    this.#evict();
  }

  #evict(): void {
    // The newest entry stays even when it is larger than the whole cache, or it could never be read.
    while (this.#bytes > this.#bytesMax && this.#oldest < this.#slots.length - 1) {
      const slot = this.#slots[this.#oldest];
      if (slot === undefined || slot.appendNumber > this.#durableAppendNumber) break;
      const { cached, entry } = slot;
      if (cached.get(entry.index) === entry) cached.delete(entry.index);
      this.#bytes -= entry.data.length + entryOverheadBytes;
      this.#slots[this.#oldest++] = undefined;
    }
    if (this.#oldest > 1024 && this.#oldest * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}

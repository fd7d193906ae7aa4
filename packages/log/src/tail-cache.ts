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

/** First in, first out, without moving what is in it. */
class SlotQueue {
  #slots: (Slot | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#slots.length - this.#first;
  }

  get first(): Slot | undefined {
    return this.#slots[this.#first];
  }

  push(slot: Slot): void {
    this.#slots.push(slot);
  }

  shift(): Slot | undefined {
    const slot = this.#slots[this.#first];
    if (slot === undefined) return undefined;
    this.#slots[this.#first++] = undefined;
    if (this.#first > 1024 && this.#first * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#first);
      this.#first = 0;
    }
    return slot;
  }
}

/**
 * Recent entries of all groups, first in, first out, bounded in bytes. An entry that was replaced or
 * whose group was deleted leaves its map at once, and its slot in its turn. What is not durable yet waits
 * apart, so that a flush that takes long keeps nobody else's entries.
 */
export class TailCache {
  readonly #bytesMax: number;
  readonly #durable = new SlotQueue();
  readonly #pending = new SlotQueue();
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
    const isPending = appendNumber > this.#durableAppendNumber;
    (isPending ? this.#pending : this.#durable).push({ cached, entry, appendNumber });
    this.#bytes += entry.data.length + entryOverheadBytes;
    this.#evict();
  }

  /** Says that every append up to this one is durable. */
  markDurable(appendNumber: number): void {
    this.#durableAppendNumber = appendNumber;
    while ((this.#pending.first?.appendNumber ?? Infinity) <= appendNumber) {
      const slot = this.#pending.shift();
      if (slot !== undefined) this.#durable.push(slot);
    }
    this.#evict();
  }

  #evict(): void {
    // The newest entry stays even when it is larger than the whole cache, or it could never be read.
    const keptMin = this.#pending.length > 0 ? 0 : 1;
    while (this.#bytes > this.#bytesMax && this.#durable.length > keptMin) {
      const slot = this.#durable.shift();
      if (slot === undefined) return;
      const { cached, entry } = slot;
      if (cached.get(entry.index) === entry) cached.delete(entry.index);
      this.#bytes -= entry.data.length + entryOverheadBytes;
    }
  }
}

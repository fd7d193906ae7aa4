import assert from "node:assert/strict";
import type { Random } from "@ropewalk/runtime";
import { KeyHasher } from "./key-hash.ts";

/** How large a {@link KeyMap} may be. */
export interface KeyMapBounds {
  /** Memory for keys and offsets, all of it allocated at once. */
  readonly bytesMax: number;
  /** How many keys there can be at most, where that is known: less memory is taken then. */
  readonly keyCountMax?: number;
}

/** Four 32-bit numbers of hash and a 64-bit offset. */
const slotBytes = 24;

/** How full the table may get: a key that is not in it is looked for in 8.5 slots then. */
const loadFactorMax = 0.75;

/**
 * Key → latest offset, in memory that is bounded however long the keys are: a table with open addressing
 * of 24 bytes a slot that holds 128-bit hashes instead of keys, as Kafka's SkimpyOffsetMap does (see
 * KIP-58 for what it serves). A key is its hash here: see {@link KeyHasher} for why that is safe.
 */
export class KeyMap {
  /** How many keys fit. */
  readonly keyCountMax: number;
  readonly #slotCount: number;
  readonly #hasher: KeyHasher;
  readonly #hashes: Uint32Array<ArrayBuffer>;
  /** One more than the offset, so that zero is an empty slot. */
  readonly #offsets: Float64Array<ArrayBuffer>;
  /** Slot and content before each change since `mark()`, one after the other. */
  readonly #changes: number[] = [];
  #size = 0;

  constructor(random: Random, bounds: KeyMapBounds) {
    const slotsNeeded = Math.ceil((bounds.keyCountMax ?? Infinity) / loadFactorMax) + 1;
    this.#slotCount = Math.min(slotsNeeded, Math.floor(bounds.bytesMax / slotBytes));
    this.keyCountMax = Math.floor(this.#slotCount * loadFactorMax);
    assert(this.keyCountMax > 0, `a key map of ${bounds.bytesMax} bytes holds no key`);
    this.#hasher = KeyHasher.random(random);
    this.#hashes = new Uint32Array(this.#slotCount * 4);
    this.#offsets = new Float64Array(this.#slotCount);
  }

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /** The latest offset that was put for a key; -1: none. */
  get(key: Uint8Array): number {
    return (this.#offsets[this.#slotOf(key)] ?? 0) - 1;
  }

  /** Says that `offset` is the latest one of `key`. False, and nothing changes, where a new key does not fit. */
  put(key: Uint8Array, offset: number): boolean {
    const slot = this.#slotOf(key);
    const before = this.#offsets[slot] ?? 0;
    assert(offset >= before, `offset ${offset} after ${before - 1}`);
    if (before === 0) {
      if (this.#size === this.keyCountMax) return false;
      this.#hashes.set(this.#hasher.words, slot * 4);
      this.#size++;
    }
    this.#offsets[slot] = offset + 1;
    this.#changes.push(slot, before);
    return true;
  }

  /** Remembers the present content as what `undo()` goes back to. */
  mark(): void {
    this.#changes.length = 0;
  }

  /** Goes back to the content at the last `mark()`. */
  undo(): void {
    // Newest first: then no key is left behind a slot that a later key had to pass.
    for (let at = this.#changes.length - 2; at >= 0; at -= 2) {
      const before = this.#changes[at + 1] ?? 0;
      this.#offsets[this.#changes[at] ?? 0] = before;
      if (before === 0) this.#size--;
    }
    this.#changes.length = 0;
  }

  /** Where `key` is, or the empty slot where it would be. There is always one: the table is never full. */
  #slotOf(key: Uint8Array): number {
    this.#hasher.hash(key);
    const { words } = this.#hasher;
    let slot = Math.floor(((words[0] ?? 0) / 0x1_0000_0000) * this.#slotCount);
    while (this.#offsets[slot] !== 0 && !this.#isAt(slot * 4, words)) {
      slot = slot + 1 === this.#slotCount ? 0 : slot + 1;
    }
    return slot;
  }

  #isAt(at: number, words: Uint32Array): boolean {
    const hashes = this.#hashes;
    return (
      hashes[at] === words[0] &&
      hashes[at + 1] === words[1] &&
      hashes[at + 2] === words[2] &&
      hashes[at + 3] === words[3]
    );
  }
}

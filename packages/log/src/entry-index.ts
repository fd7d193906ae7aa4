import assert from "node:assert/strict";
import type { BatchCoverage } from "./batch-coverage.ts";
import type { LogEntry } from "./log-entry.ts";
import { TermRuns } from "./term-runs.ts";

/** Where the data of one entry lies, and what it must hash to. */
export interface EntryLocation {
  readonly sequence: number;
  readonly dataPosition: number;
  readonly dataBytes: number;
  readonly dataCrc: number;
}

/** What the index keeps of one entry. */
export interface IndexedEntry extends EntryLocation {
  readonly term: number;
  readonly type: LogEntry["type"];
  readonly coverage: BatchCoverage | undefined;
}

const capacityAtFirst = 8;
const typeNames = ["normal", "confChange", "confChangeV2"] as const;

/** What the rows of `#places` hold: five 32-bit numbers. */
const place = {
  sequence: 0,
  dataPosition: 1,
  dataBytes: 2,
  dataCrc: 3,
  type: 4,
  width: 5,
} as const;

/** What the rows of `#offsets` hold: two 64-bit numbers. */
const offsets = { offsetAfter: 0, maxTimestampMs: 1, width: 2 } as const;

/**
 * Index → term, place, record offsets, for the entries of one group: 36 bytes an entry in two arrays,
 * and no object. Offsets are derived here and nowhere else: an entry that is a batch moves the offset
 * on, any other does not.
 */
export class EntryIndex {
  /** The first index there is, also while there is none yet. */
  readonly firstIndex: number = 1;
  readonly #terms = new TermRuns();
  #places: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #offsets: Float64Array<ArrayBuffer> = new Float64Array(0);
  #count = 0;

  /** The last index; `firstIndex - 1` when the log is empty. */
  get lastIndex(): number {
    return this.firstIndex + this.#count - 1;
  }

  /** The offset after the last entry. */
  get endOffset(): number {
    return this.offsetAfter(this.lastIndex);
  }

  /** The offset the next entry must begin at if it is a batch. */
  offsetAfter(index: number): number {
    assert(index <= this.lastIndex, `offset after index ${index} of ${this.lastIndex}`);
    if (index < this.firstIndex) return 0;
    return this.#offset(index - this.firstIndex, offsets.offsetAfter);
  }

  /** Adds the entry after the last one. A batch must begin where the log ends. */
  push(entry: IndexedEntry): void {
    const row = this.#count;
    const endOffset = this.endOffset;
    const { coverage } = entry;
    assert(
      coverage === undefined || (coverage.baseOffset === endOffset && coverage.recordCount > 0),
      `a batch of ${coverage?.recordCount} records at offset ${coverage?.baseOffset}, but the log ends at ${endOffset}`,
    );
    if (row * place.width === this.#places.length) this.#grow();
    const { sequence, dataPosition, dataBytes, dataCrc, type } = entry;
    const places = [sequence, dataPosition, dataBytes, dataCrc, typeNames.indexOf(type)];
    this.#places.set(places, row * place.width);
    const offsetAfter = endOffset + (coverage?.recordCount ?? 0);
    const maxTimestampMs = coverage?.maxTimestampMs ?? Number.NEGATIVE_INFINITY;
    this.#offsets.set([offsetAfter, maxTimestampMs], row * offsets.width);
    this.#terms.push(this.firstIndex + row, entry.term);
    this.#count++;
  }

  /** Removes every entry >= `index`. */
  truncate(index: number): void {
    if (index > this.lastIndex) return;
    this.#terms.truncate(index);
    this.#count = Math.max(0, index - this.firstIndex);
  }

  /** The term of an entry; 0 for the index before the first. */
  term(index: number): number {
    return index < this.firstIndex ? 0 : this.#terms.at(index);
  }

  type(index: number): LogEntry["type"] {
    return typeNames[this.#place(this.#row(index), place.type)] ?? "normal";
  }

  dataBytes(index: number): number {
    return this.#place(this.#row(index), place.dataBytes);
  }

  locate(index: number): EntryLocation {
    const row = this.#row(index);
    return {
      sequence: this.#place(row, place.sequence),
      dataPosition: this.#place(row, place.dataPosition),
      dataBytes: this.#place(row, place.dataBytes),
      dataCrc: this.#place(row, place.dataCrc),
    };
  }

  /** Whether an entry is a batch. */
  coversRecords(index: number): boolean {
    return this.offsetAfter(index) > this.offsetAfter(index - 1);
  }

  /** The entry that covers `offset`, or the next that covers any; `lastIndex + 1` when there is none. */
  indexOfOffset(offset: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#offset(middle, offsets.offsetAfter) > offset) high = middle;
      else low = middle + 1;
    }
    return this.firstIndex + low;
  }

  /** The first batch that ends at or below `endOffset` and has a timestamp >= `timestampMs`. */
  indexOfTimestamp(timestampMs: number, endOffset: number): number | undefined {
    for (let row = 0; row < this.#count; row++) {
      if (this.#offset(row, offsets.offsetAfter) > endOffset) return undefined;
      if (this.#offset(row, offsets.maxTimestampMs) >= timestampMs) return this.firstIndex + row;
    }
    return undefined;
  }

  #row(index: number): number {
    assert(
      index >= this.firstIndex && index <= this.lastIndex,
      `index ${index} is not in [${this.firstIndex}, ${this.lastIndex}]`,
    );
    return index - this.firstIndex;
  }

  #place(row: number, field: number): number {
    return this.#places[row * place.width + field] ?? 0;
  }

  #offset(row: number, field: number): number {
    return this.#offsets[row * offsets.width + field] ?? 0;
  }

  #grow(): void {
    const capacity = Math.max(capacityAtFirst, this.#count * 2);
    const places = new Uint32Array(capacity * place.width);
    places.set(this.#places);
    this.#places = places;
    const grownOffsets = new Float64Array(capacity * offsets.width);
    grownOffsets.set(this.#offsets);
    this.#offsets = grownOffsets;
  }
}

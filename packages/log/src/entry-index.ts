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
  /** The number of the group's record that holds it. */
  readonly recordNumber: number;
}

const capacityAtFirst = 8;
const uint32Values = 0x1_0000_0000;
const typeNames = ["normal", "confChange", "confChangeV2"] as const;

/** What the rows of `#places` hold: six 32-bit numbers; of the record number the low bits. */
const place = {
  sequence: 0,
  dataPosition: 1,
  dataBytes: 2,
  dataCrc: 3,
  type: 4,
  recordNumber: 5,
  width: 6,
} as const;

/** What the rows of `#offsets` hold: two 64-bit numbers. */
const offsets = { offsetAfter: 0, maxTimestampMs: 1, width: 2 } as const;

/**
 * Index → term, place, record offsets, for those entries of one group that lie in the journal: 40 bytes an
 * entry in two arrays, and no object. Those before have moved to segments, or are gone; of them only the
 * terms are known here, and where they end. Offsets are derived from the entries and from nothing else: one
 * that is a batch moves the offset on, any other does not.
 */
export class EntryIndex {
  readonly #terms = new TermRuns();
  #movedIndex = 0;
  #movedOffset = 0;
  #places: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #offsets: Float64Array<ArrayBuffer> = new Float64Array(0);
  #count = 0;

  /** Entries up to this one are not in the journal (any more). */
  get movedIndex(): number {
    return this.#movedIndex;
  }

  /** The offset after the entry `movedIndex`. */
  get movedOffset(): number {
    return this.#movedOffset;
  }

  /** The first index that is in the journal, also while there is none yet. */
  get firstIndex(): number {
    return this.#movedIndex + 1;
  }

  /** The terms of all entries that are known, as runs. */
  termRuns(): Iterable<readonly [startIndex: number, term: number]> {
    return this.#terms.runs();
  }

  /** Begins anew behind an entry that is not in the journal. */
  restart(
    movedIndex: number,
    movedOffset: number,
    termRuns: Iterable<readonly [startIndex: number, term: number]>,
  ): void {
    this.#terms.truncate(0);
    for (const [startIndex, term] of termRuns) this.#terms.push(startIndex, term);
    this.#count = 0;
    this.#movedIndex = movedIndex;
    this.#movedOffset = movedOffset;
  }

  /** Says that the entries up to `index` are not in the journal any more. */
  moveThrough(index: number): void {
    const moved = index - this.#movedIndex;
    assert(moved >= 0 && moved <= this.#count, `move through ${index} of ${this.lastIndex}`);
    this.#movedOffset = this.offsetAfter(index);
    this.#movedIndex = index;
    this.#count -= moved;
    const places = this.#places.subarray(moved * place.width, (moved + this.#count) * place.width);
    const rows = this.#offsets.subarray(
      moved * offsets.width,
      (moved + this.#count) * offsets.width,
    );
    const capacity = Math.max(capacityAtFirst, this.#count);
    this.#places = copied(places, new Uint32Array(capacity * place.width));
    this.#offsets = copied(rows, new Float64Array(capacity * offsets.width));
  }

  /** Forgets the terms of the entries before `index`. */
  forgetTermsBefore(index: number): void {
    this.#terms.forgetBefore(index);
  }

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
    if (index > this.lastIndex) assert.fail(`offset after index ${index} of ${this.lastIndex}`);
    if (index < this.#movedIndex) assert.fail(`offset after index ${index} < ${this.#movedIndex}`);
    if (index === this.#movedIndex) return this.#movedOffset;
    return this.#offset(index - this.firstIndex, offsets.offsetAfter);
  }

  /** Adds the entry after the last one. A batch must begin where the log ends. */
  push(entry: IndexedEntry): void {
    const row = this.#count;
    const endOffset = this.endOffset;
    const { coverage } = entry;
    if (coverage !== undefined) assertBegins(coverage, endOffset);
    if (row * place.width === this.#places.length) this.#grow();
    const { sequence, dataPosition, dataBytes, dataCrc, recordNumber } = entry;
    const type = typeNames.indexOf(entry.type);
    const places = [sequence, dataPosition, dataBytes, dataCrc, type, recordNumber % uint32Values];
    this.#places.set(places, row * place.width);
    const offsetAfter = endOffset + (coverage?.recordCount ?? 0);
    const maxTimestampMs = coverage?.maxTimestampMs ?? Number.NEGATIVE_INFINITY;
    this.#offsets.set([offsetAfter, maxTimestampMs], row * offsets.width);
    this.#terms.push(this.firstIndex + row, entry.term);
    this.#count++;
  }

  /** Removes every entry >= `index`, which was not moved. */
  truncate(index: number): void {
    if (index <= this.#movedIndex) {
      assert.fail(`truncate at ${index}, moved through ${this.#movedIndex}`);
    }
    if (index > this.lastIndex) return;
    this.#terms.truncate(index);
    this.#count = Math.max(0, index - this.firstIndex);
  }

  /** The term of an entry that is known; 0 for index 0. */
  term(index: number): number {
    return index < 1 ? 0 : this.#terms.at(index);
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

  /** The number of the record that holds an entry; `nextRecordNumber` is that of a record still to come. */
  recordNumber(index: number, nextRecordNumber: number): number {
    const low = this.#place(this.#row(index), place.recordNumber);
    const ago = (((nextRecordNumber - low) % uint32Values) + uint32Values) % uint32Values;
    return nextRecordNumber - ago;
  }

  /** The record offsets that an entry covers; `undefined` where it is no batch. */
  coverage(index: number): BatchCoverage | undefined {
    const baseOffset = this.offsetAfter(index - 1);
    const recordCount = this.offsetAfter(index) - baseOffset;
    if (recordCount === 0) return undefined;
    const maxTimestampMs = this.#offset(this.#row(index), offsets.maxTimestampMs);
    return { baseOffset, recordCount, maxTimestampMs };
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

  /** The first batch that ends behind `startOffset`, but not behind `endOffset`, and has a timestamp >= `timestampMs`. */
  indexOfTimestamp(
    timestampMs: number,
    endOffset: number,
    startOffset: number = 0,
  ): number | undefined {
    const first = this.indexOfOffset(startOffset) - this.firstIndex;
    for (let row = first; row < this.#count; row++) {
      if (this.#offset(row, offsets.offsetAfter) > endOffset) return undefined;
      if (this.#offset(row, offsets.maxTimestampMs) >= timestampMs) return this.firstIndex + row;
    }
    return undefined;
  }

  /** The largest timestamp of the batches in the journal; -1 where there is none. */
  get maxTimestampMs(): number {
    let largest = -1;
    for (let row = 0; row < this.#count; row++) {
      largest = Math.max(largest, this.#offset(row, offsets.maxTimestampMs));
    }
    return largest;
  }

  #row(index: number): number {
    if (index < this.firstIndex || index > this.lastIndex) {
      assert.fail(`index ${index} is not in [${this.firstIndex}, ${this.lastIndex}]`);
    }
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
    this.#places = copied(this.#places, new Uint32Array(capacity * place.width));
    this.#offsets = copied(this.#offsets, new Float64Array(capacity * offsets.width));
  }
}

function copied<T extends Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  from: T,
  into: T,
): T {
  into.set(from);
  return into;
}

function assertBegins({ baseOffset, recordCount }: BatchCoverage, endOffset: number): void {
  if (baseOffset === endOffset && recordCount > 0) return;
  assert.fail(
    `a batch of ${recordCount} records at offset ${baseOffset}, but the log ends at ${endOffset}`,
  );
}

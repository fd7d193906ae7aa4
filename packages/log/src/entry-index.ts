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

/** One number per entry in each column: 33 bytes an entry, and no object. */
interface Columns {
  readonly sequences: Uint32Array<ArrayBuffer>;
  readonly dataPositions: Uint32Array<ArrayBuffer>;
  readonly dataBytes: Uint32Array<ArrayBuffer>;
  readonly dataCrcs: Uint32Array<ArrayBuffer>;
  readonly types: Uint8Array<ArrayBuffer>;
  readonly offsetsAfter: Float64Array<ArrayBuffer>;
  readonly maxTimestamps: Float64Array<ArrayBuffer>;
}

/**
 * Index → term, place, record offsets, for the entries of one group. Offsets are derived here and
 * nowhere else: an entry that is a batch moves the offset on, any other does not.
 */
export class EntryIndex {
  /** The first index there is, also while there is none yet. */
  readonly firstIndex: number = 1;
  readonly #terms = new TermRuns();
  #columns: Columns = columnsOf(0);
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
    return this.#columns.offsetsAfter[index - this.firstIndex] ?? 0;
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
    if (row === this.#columns.types.length) this.#grow();
    const columns = this.#columns;
    columns.sequences[row] = entry.sequence;
    columns.dataPositions[row] = entry.dataPosition;
    columns.dataBytes[row] = entry.dataBytes;
    columns.dataCrcs[row] = entry.dataCrc;
    columns.types[row] = typeNames.indexOf(entry.type);
    columns.offsetsAfter[row] = endOffset + (coverage?.recordCount ?? 0);
    columns.maxTimestamps[row] = coverage?.maxTimestampMs ?? Number.NEGATIVE_INFINITY;
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
    return typeNames[this.#columns.types[this.#row(index)] ?? 0] ?? "normal";
  }

  dataBytes(index: number): number {
    return this.#columns.dataBytes[this.#row(index)] ?? 0;
  }

  locate(index: number): EntryLocation {
    const row = this.#row(index);
    return {
      sequence: this.#columns.sequences[row] ?? 0,
      dataPosition: this.#columns.dataPositions[row] ?? 0,
      dataBytes: this.#columns.dataBytes[row] ?? 0,
      dataCrc: this.#columns.dataCrcs[row] ?? 0,
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
      if ((this.#columns.offsetsAfter[middle] ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return this.firstIndex + low;
  }

  /** The first batch that ends at or below `endOffset` and has a timestamp >= `timestampMs`. */
  indexOfTimestamp(timestampMs: number, endOffset: number): number | undefined {
    const { maxTimestamps, offsetsAfter } = this.#columns;
    for (let row = 0; row < this.#count; row++) {
      if ((offsetsAfter[row] ?? 0) > endOffset) return undefined;
      if ((maxTimestamps[row] ?? 0) >= timestampMs) return this.firstIndex + row;
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

  #grow(): void {
    const old = this.#columns;
    const grown = columnsOf(Math.max(capacityAtFirst, old.types.length * 2));
    grown.sequences.set(old.sequences);
    grown.dataPositions.set(old.dataPositions);
    grown.dataBytes.set(old.dataBytes);
    grown.dataCrcs.set(old.dataCrcs);
    grown.types.set(old.types);
    grown.offsetsAfter.set(old.offsetsAfter);
    grown.maxTimestamps.set(old.maxTimestamps);
    this.#columns = grown;
  }
}

function columnsOf(capacity: number): Columns {
  return {
    sequences: new Uint32Array(capacity),
    dataPositions: new Uint32Array(capacity),
    dataBytes: new Uint32Array(capacity),
    dataCrcs: new Uint32Array(capacity),
    types: new Uint8Array(capacity),
    offsetsAfter: new Float64Array(capacity),
    maxTimestamps: new Float64Array(capacity),
  };
}

import { batchCoverage } from "../batch-coverage.ts";
import type { GroupState } from "../group-state.ts";
import type { LogEntry } from "../log-entry.ts";
import type { Chunk } from "./segment-chunk.ts";
import type { ChunkRow } from "./segment-header.ts";
import { firstWhere, type SegmentInfo, segmentOfIndex, segmentOfOffset } from "./segment-info.ts";
import type { SegmentReader } from "./segment-reader.ts";

/** What of a group's log has moved to segments, as it can be read. */
export class SegmentHistory {
  readonly #state: GroupState;
  readonly #reader: SegmentReader;

  constructor(state: GroupState, reader: SegmentReader) {
    this.#state = state;
    this.#reader = reader;
  }

  /**
   * Whole batches from the one that covers `offset` on, or the next one, that end at or below `endOffset`: at
   * least one where there is one, then while they stay within `bytesMax`, all from one chunk, which is borrowed
   * (`ReadMemory.giveBack`). Synchronously what is in memory.
   */
  read(
    offset: number,
    endOffset: number,
    bytesMax: number,
  ): readonly Uint8Array[] | Promise<readonly Uint8Array[]> {
    const segment = segmentOfOffset(this.#state.segments, offset);
    if (segment === undefined) return [];
    const rows = this.#reader.cachedRows(this.#state.key, segment);
    const read =
      rows === undefined
        ? []
        : this.#borrow(segment, rows, rowOfOffset(rows, offset), offset, endOffset, bytesMax);
    const onward = (batches: readonly Uint8Array[]): ReturnType<SegmentHistory["read"]> =>
      batches.length > 0 ? batches : this.#read(offset, endOffset, bytesMax);
    return read instanceof Promise ? read.then(onward) : onward(read);
  }

  /** Entries from `startIndex` on, at least one, below `endIndex` and then within `bytesMax`. They are all there. */
  async entries(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): Promise<readonly LogEntry[]> {
    const { key, segments } = this.#state;
    const segment = segmentOfIndex(segments, startIndex);
    if (segment === undefined) return [];
    const rows = await this.#reader.rows(key, segment);
    const row = rows[firstWhere(rows, (each) => each.firstIndex + each.entryCount > startIndex)];
    if (row === undefined) return [];
    const chunk = await this.#reader.chunk(key, segment, row);
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (const entry of chunk.entries) {
      if (entry.index < startIndex) continue;
      bytes += entry.data.length;
      if (entry.index >= endIndex || (entries.length > 0 && bytes > bytesMax)) break;
      entries.push(entry);
    }
    return entries;
  }

  /** The base offset of the first batch below `endOffset` whose largest timestamp is at least `timestampMs`. */
  async findTimestamp(timestampMs: number, endOffset: number): Promise<number | undefined> {
    for (const segment of this.#state.segments) {
      if (segment.maxTimestampMs < timestampMs || segment.endOffset <= this.#state.startOffset) {
        continue;
      }
      const rows = await this.#reader.rows(this.#state.key, segment);
      const first = firstWhere(rows, (row) => row.maxTimestampMs >= timestampMs);
      for (const row of rows.slice(first)) {
        const chunk = await this.#reader.chunk(this.#state.key, segment, row);
        const found = batchOfTimestamp(chunk, timestampMs, this.#state.startOffset);
        if (found !== undefined) return found < endOffset ? found : undefined;
      }
    }
    return undefined;
  }

  #borrow(
    segment: SegmentInfo,
    rows: readonly ChunkRow[],
    at: number,
    offset: number,
    endOffset: number,
    bytesMax: number,
  ): ReturnType<SegmentHistory["read"]> {
    const row = rows[at];
    if (row === undefined) return [];
    const read = this.#reader.borrow(this.#state.key, segment, row, (chunk) =>
      batchesFrom(chunk, offset, endOffset, bytesMax),
    );
    // Once for each chunk, when its reader comes to it.
    if (offset <= row.baseOffset) this.#reader.readAhead(this.#state.key, segment, rows, at + 1);
    return read;
  }

  async #read(offset: number, endOffset: number, bytesMax: number): Promise<readonly Uint8Array[]> {
    const { key, segments } = this.#state;
    // A compacted chunk may hold nothing at or behind the offset; the next one does.
    for (const segment of segments.slice(firstWhere(segments, (each) => each.endOffset > offset))) {
      const rows = await this.#reader.rows(key, segment);
      for (let at = rowOfOffset(rows, offset); at < rows.length; at++) {
        if ((rows[at]?.baseOffset ?? endOffset) >= endOffset) return [];
        const batches = await this.#borrow(segment, rows, at, offset, endOffset, bytesMax);
        if (batches.length > 0) return batches;
      }
    }
    return [];
  }
}

function rowOfOffset(rows: readonly ChunkRow[], offset: number): number {
  return firstWhere(rows, (row) => row.endOffset > offset);
}

function batchesFrom(
  { entries }: Chunk,
  offset: number,
  endOffset: number,
  bytesMax: number,
): Uint8Array[] {
  const batches: Uint8Array[] = [];
  let bytes = 0;
  for (const { data, type } of entries) {
    const coverage = batchCoverage(type, data);
    if (coverage === undefined) continue;
    const end = coverage.baseOffset + coverage.recordCount;
    if (end <= offset) continue;
    bytes += data.length;
    if (end > endOffset || (batches.length > 0 && bytes > bytesMax)) break;
    batches.push(data);
  }
  return batches;
}

function batchOfTimestamp(
  { entries }: Chunk,
  timestampMs: number,
  startOffset: number,
): number | undefined {
  for (const { data, type } of entries) {
    const coverage = batchCoverage(type, data);
    if (coverage === undefined || coverage.maxTimestampMs < timestampMs) continue;
    if (coverage.baseOffset + coverage.recordCount > startOffset) return coverage.baseOffset;
  }
  return undefined;
}

/** What retention and people look at. The oldest first; the last one may stand for what is still in the journal. */
export interface SegmentView {
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly baseOffset: number;
  readonly endOffset: number;
  /** -1 where there is none. */
  readonly maxTimestampMs: number;
  readonly sizeBytes: number;
  readonly createdMs: number;
  /** Nothing is added to it any more. */
  readonly sealed: boolean;
  readonly compacted: boolean;
  /** Still in the journal. */
  readonly recent: boolean;
}

/** A segment as others see it. */
export function viewSegment(segment: SegmentInfo): SegmentView {
  const { firstIndex, lastIndex, baseOffset, endOffset, maxTimestampMs, createdMs } = segment;
  return {
    firstIndex,
    lastIndex,
    baseOffset,
    endOffset,
    maxTimestampMs,
    sizeBytes: segment.chunksEnd,
    createdMs,
    sealed: segment.isSealed,
    compacted: segment.isCompacted,
    recent: false,
  };
}

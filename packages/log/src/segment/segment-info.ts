import { type GroupKey, groupName } from "../log-entry.ts";

/**
 * What is known of one segment without opening it. It holds the entries [firstIndex, lastIndex], all
 * committed, and the offsets [baseOffset, endOffset); a compacted one holds only some of them.
 */
export interface SegmentInfo {
  readonly fileId: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly baseOffset: number;
  readonly endOffset: number;
  /** The largest timestamp of any batch; -1 where there is none. */
  readonly maxTimestampMs: number;
  /** Where its chunks end; what is behind does not count, except the index of a sealed one. */
  readonly chunksEnd: number;
  readonly chunkCount: number;
  /** By the wall clock, for rolling by time. */
  readonly createdMs: number;
  /** Nothing is added any more, and its index is at its end. */
  readonly isSealed: boolean;
  readonly isCompacted: boolean;
  /** The earliest time at which something in it may go that compaction has to keep for a while; 0: nothing. */
  readonly deleteHorizonMs: number;
}

/** The name of a segment's file. */
export function segmentFileName(key: GroupKey, fileId: number): string {
  return `segment-${groupName(key)}-${fileId}.seg`;
}

const fileNamePattern = /^(?:segment|image)-(\d+)\.(\d+)-(\d+)\.(?:seg|img)$/;

/** Whose file it is, by its name; `undefined` for what is neither a segment nor an image. */
export function ownerOfFileName(
  name: string,
): { readonly key: GroupKey; readonly fileId: number } | undefined {
  const match = fileNamePattern.exec(name);
  if (match === null) return undefined;
  const [, groupId, incarnation, fileId] = match.map(Number);
  if (groupId === undefined || incarnation === undefined || fileId === undefined) return undefined;
  return { key: { groupId, incarnation }, fileId };
}

/** The segment that covers `offset`, or the first behind it; `undefined` when all end before. */
export function segmentOfOffset(
  segments: readonly SegmentInfo[],
  offset: number,
): SegmentInfo | undefined {
  return segments[firstWhere(segments, (segment) => segment.endOffset > offset)];
}

/** The segment that covers entry `index`, or the first behind it; `undefined` when all end before. */
export function segmentOfIndex(
  segments: readonly SegmentInfo[],
  index: number,
): SegmentInfo | undefined {
  return segments[firstWhere(segments, (segment) => segment.lastIndex >= index)];
}

/** The first row for which `isBehind` holds; it holds for all after it, too. */
export function firstWhere<T>(rows: readonly T[], isBehind: (row: T) => boolean): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle];
    if (row !== undefined && isBehind(row)) high = middle;
    else low = middle + 1;
  }
  return low;
}

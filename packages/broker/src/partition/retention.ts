import type { TopicConfig } from "../controller/topic-config.ts";

/** One segment of a partition's log, as retention looks at it. Records are [baseOffset, endOffset). */
export interface SegmentView {
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly baseOffset: number;
  readonly endOffset: number;
  /** The largest timestamp of its records; negative where none has one. */
  readonly maxTimestampMs: number;
  readonly sizeBytes: number;
  /** When the segment was begun, by the broker's clock; 0 where that is not known: it is still in the journal. */
  readonly createdMs: number;
  /** Whether nothing will be added any more. */
  readonly sealed: boolean;
}

/** How long and how much is kept; `undefined`: without end. */
export interface RetentionPolicy {
  readonly retentionMs: number | undefined;
  readonly retentionBytes: number | undefined;
}

/** What retention goes by beside the segments. */
export interface RetentionMoment {
  readonly nowMs: number;
  readonly highWatermark: number;
}

/** The policy that a topic's configs make; `undefined` where nothing ever goes for its age or size. */
export function retentionPolicy(config: TopicConfig): RetentionPolicy | undefined {
  const { cleanup, retentionBytes, retentionMs } = config;
  const isEndless = retentionBytes === undefined && retentionMs === undefined;
  return !cleanup.delete || isEndless ? undefined : { retentionBytes, retentionMs };
}

/**
 * Where a partition should begin, given its segments, oldest first; `undefined` where all may stay. The
 * rules are Kafka's:
 *
 * - Whole segments go, the oldest first, and never one that reaches beyond the high watermark. The last one,
 *   which records are still added to, goes as well.
 * - By age: a segment whose largest timestamp is more than `retentionMs` ago. Timestamps are believed, so
 *   one in the future keeps its segment, and those behind it, until that time has come and gone. A segment
 *   without timestamps is as old as its last addition, known from when the next one was begun; where that
 *   is not known either (what is still in the journal has no such time), it stays.
 * - By size: a segment without which at least `retentionBytes` are left.
 */
export function retentionStartOffset(
  segments: readonly SegmentView[],
  policy: RetentionPolicy,
  moment: RetentionMoment,
): number | undefined {
  const { retentionBytes } = policy;
  let bytesLeft = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let startOffset: number | undefined;
  for (const [row, segment] of segments.entries()) {
    bytesLeft -= segment.sizeBytes;
    const isBeyondSize = retentionBytes !== undefined && bytesLeft >= retentionBytes;
    const isOut = isBeyondSize || isExpired(segment, segments[row + 1], policy, moment);
    if (!isOut || segment.endOffset > moment.highWatermark) break;
    startOffset = segment.endOffset;
  }
  return startOffset;
}

function isExpired(
  segment: SegmentView,
  next: SegmentView | undefined,
  { retentionMs }: RetentionPolicy,
  { nowMs }: RetentionMoment,
): boolean {
  if (retentionMs === undefined) return false;
  const newestMs = newestRecordMs(segment, next);
  return newestMs !== undefined && nowMs - newestMs > retentionMs;
}

/** When the newest record of a segment was written, as far as anybody knows. */
function newestRecordMs(segment: SegmentView, next: SegmentView | undefined): number | undefined {
  if (segment.maxTimestampMs >= 0) return segment.maxTimestampMs;
  return next !== undefined && next.createdMs > 0 ? next.createdMs : undefined;
}

import assert from "node:assert/strict";

/** What deciding on compaction needs to know of a sealed segment. */
export interface CompactionSegment {
  /** The Raft entries in it; a compacted segment lacks some of them. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The offsets it covers: [baseOffset, endOffset). */
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly sizeBytes: number;
  /** The largest timestamp of a record; negative: none has one. */
  readonly maxTimestampMs: number;
  /** The timestamp of the first batch, where it is known. */
  readonly firstTimestampMs?: number;
  /** When the segment got its last record, by the broker's clock, where that is known. */
  readonly sealedMs?: number;
  /** Whether a compaction wrote it. Such segments are the clean section, at the start of the log. */
  readonly isCompacted: boolean;
  /** The earliest delete horizon in it that was still to come when it was written, where there is one. */
  readonly deleteHorizonMs?: number;
}

/** The topic's configuration, by Kafka's names. */
export interface CompactionConfig {
  /** `min.cleanable.dirty.ratio`: the log is compacted when more than this part of it is dirty; 0 to 1. */
  readonly minCleanableDirtyRatio: number;
  /** `min.compaction.lag.ms`: records stay as they are for this long (KIP-58). */
  readonly minCompactionLagMs: number;
  /** `max.compaction.lag.ms`: after this long the log is compacted however clean it is (KIP-354). */
  readonly maxCompactionLagMs: number;
  /** `delete.retention.ms`: how long tombstones stay visible after their first cleaning (KIP-534). */
  readonly deleteRetentionMs: number;
}

/** A log as it is now, and the time. */
export interface CompactionState<Segment extends CompactionSegment> {
  /** The sealed segments, oldest first. The active one is never compacted. */
  readonly segments: readonly Segment[];
  readonly config: CompactionConfig;
  readonly nowMs: number;
  /** Below this offset nothing changes any more: the last stable offset, or the high watermark without transactions. */
  readonly committedOffset: number;
}

/** The parts of a log, each oldest first; together they are all sealed segments. */
export interface LogSections<Segment extends CompactionSegment> {
  /** Compacted already: one record a key, but for what the dirty section supersedes. */
  readonly clean: readonly Segment[];
  /** What is to be compacted. */
  readonly dirty: readonly Segment[];
  /** What may not be compacted yet: not committed, too recent, or behind such a segment. */
  readonly uncleanable: readonly Segment[];
  /** dirty / (clean + dirty), in bytes. */
  readonly dirtyRatio: number;
}

/**
 * Why a log is compacted:
 *
 * - `DIRTY_RATIO`: enough of it is dirty.
 * - `MAX_LAG`: a dirty record has waited for `maxCompactionLagMs`.
 * - `DELETE_HORIZON`: nothing new came, but tombstones in the clean section are to go.
 */
export type CompactionReason = "DIRTY_RATIO" | "MAX_LAG" | "DELETE_HORIZON";

/** A compaction that is due. The clean section is read and written again with the dirty one. */
export interface CompactionPlan<Segment extends CompactionSegment> extends LogSections<Segment> {
  readonly reason: CompactionReason;
}

/**
 * Decides whether a log is to be compacted now, and what of it, as Kafka's LogCleanerManager does;
 * `undefined`: not now. Of several logs the one with the largest `dirtyRatio` comes first, but for those
 * with another reason than that, which come before.
 */
export function planCompaction<Segment extends CompactionSegment>(
  state: CompactionState<Segment>,
): CompactionPlan<Segment> | undefined {
  const sections = divideLog(state);
  const reason = reasonToCompact(sections, state);
  return reason === undefined ? undefined : { ...sections, reason };
}

/** Divides a log into what was, what can be, and what cannot be compacted yet. */
export function divideLog<Segment extends CompactionSegment>(
  state: CompactionState<Segment>,
): LogSections<Segment> {
  const { segments } = state;
  assertInOrder(segments);
  const cleanEnd = firstWhere(segments, 0, (segment) => !segment.isCompacted);
  const dirtyEnd = firstWhere(segments, cleanEnd, (segment) => isUncleanable(segment, state));
  const clean = segments.slice(0, cleanEnd);
  const dirty = segments.slice(cleanEnd, dirtyEnd);
  const dirtyBytes = totalBytes(dirty);
  const cleanableBytes = totalBytes(clean) + dirtyBytes;
  const dirtyRatio = cleanableBytes === 0 ? 0 : dirtyBytes / cleanableBytes;
  return { clean, dirty, uncleanable: segments.slice(dirtyEnd), dirtyRatio };
}

function reasonToCompact<Segment extends CompactionSegment>(
  sections: LogSections<Segment>,
  { config, nowMs }: CompactionState<Segment>,
): CompactionReason | undefined {
  const { clean, dirty, dirtyRatio } = sections;
  const waitingSinceMs = nowMs - Math.max(0, config.maxCompactionLagMs);
  if (dirty.some((segment) => earliestTimestampMs(segment) < waitingSinceMs)) return "MAX_LAG";
  if (dirtyRatio > config.minCleanableDirtyRatio) return "DIRTY_RATIO";
  const isDue = clean.some((segment) => (segment.deleteHorizonMs ?? Infinity) <= nowMs);
  return isDue ? "DELETE_HORIZON" : undefined;
}

function isUncleanable<Segment extends CompactionSegment>(
  segment: Segment,
  { config, nowMs, committedOffset }: CompactionState<Segment>,
): boolean {
  if (segment.endOffset > committedOffset) return true;
  const lagMs = config.minCompactionLagMs;
  return lagMs > 0 && latestTimestampMs(segment) > nowMs - lagMs;
}

/**
 * How recent the newest record is. Clients choose timestamps: no record is newer than the segment, so
 * that one from the future does not keep the log from being compacted until then.
 */
function latestTimestampMs({ maxTimestampMs, sealedMs }: CompactionSegment): number {
  if (maxTimestampMs < 0) return sealedMs ?? -Infinity;
  return Math.min(maxTimestampMs, sealedMs ?? Infinity);
}

/** How old the oldest record is, as far as it is known; records without a time are as old as the segment. */
function earliestTimestampMs(segment: CompactionSegment): number {
  const { firstTimestampMs = -1, maxTimestampMs, sealedMs } = segment;
  if (firstTimestampMs >= 0) return Math.min(firstTimestampMs, latestTimestampMs(segment));
  return maxTimestampMs < 0 ? (sealedMs ?? Infinity) : latestTimestampMs(segment);
}

function firstWhere<Segment>(
  segments: readonly Segment[],
  start: number,
  is: (segment: Segment) => boolean,
): number {
  let at = start;
  for (; at < segments.length; at++) {
    const segment = segments[at];
    if (segment !== undefined && is(segment)) break;
  }
  return at;
}

function totalBytes(segments: readonly CompactionSegment[]): number {
  return segments.reduce((total, segment) => total + segment.sizeBytes, 0);
}

function assertInOrder(segments: readonly CompactionSegment[]): void {
  let previous: CompactionSegment | undefined;
  for (const segment of segments) {
    assert(
      previous === undefined ||
        (segment.firstIndex > previous.lastIndex && segment.baseOffset >= previous.endOffset),
      `the segment at index ${segment.firstIndex} follows one up to ${previous?.lastIndex}`,
    );
    previous = segment;
  }
}

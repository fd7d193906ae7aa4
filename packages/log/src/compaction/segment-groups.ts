import type { CompactionSegment } from "./compaction-policy.ts";

/** Which segments a compaction writes together. */
export interface SegmentGroups<Segment extends CompactionSegment> {
  /** Each group becomes one compacted segment. */
  readonly groups: readonly (readonly Segment[])[];
  /**
   * The segment that the dirty section ends in the middle of, where it does. It becomes two: its batches
   * below the end, cleaned, are a compacted segment; those from there on, as they are, a dirty one.
   */
  readonly split: Segment | undefined;
}

/**
 * Groups the segments below `endOffset`, clean and dirty ones, so that those that compaction made small
 * become one of up to `segmentBytesMax` (Kafka's groupSegmentsBySize). Their present sizes count, since
 * nobody knows the next ones: a segment that is larger is a group alone. Segments from `endOffset` on
 * stay as they are.
 */
export function groupSegments<Segment extends CompactionSegment>(
  segments: readonly Segment[],
  endOffset: number,
  segmentBytesMax: number,
): SegmentGroups<Segment> {
  const groups: Segment[][] = [];
  let group: Segment[] = [];
  let groupBytes = 0;
  for (const segment of segments) {
    if (segment.endOffset > endOffset) break;
    if (groupBytes + segment.sizeBytes > segmentBytesMax && group.length > 0) {
      groups.push(group);
      group = [];
      groupBytes = 0;
    }
    group.push(segment);
    groupBytes += segment.sizeBytes;
  }
  if (group.length > 0) groups.push(group);
  const split = segments.find(
    (segment) => segment.baseOffset < endOffset && segment.endOffset > endOffset,
  );
  return { groups, split };
}

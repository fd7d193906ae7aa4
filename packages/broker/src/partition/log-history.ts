import type { GroupLog } from "@ropewalk/log";
import type { SegmentView } from "./retention.ts";

/*
 * SEAM: what retention needs of the log and the log does not have yet. Both functions are called from
 * `ReplicaSet` only.
 */

/** The segments of a partition's log, oldest first. None as long as the log has no segments. */
export function segmentsOf(_log: GroupLog): readonly SegmentView[] {
  return [];
}

/**
 * The partition begins at `startOffset` from now on: what holds only what lies before may go. Called after
 * every advance, in the turn in which it is applied, and at the start for the one before; the same
 * offset may come again.
 */
export function historyCut(_log: GroupLog, _startOffset: number): void {
  // The log keeps everything for now; readers do not see it.
}

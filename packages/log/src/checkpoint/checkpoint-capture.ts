import type { GroupState } from "../group-state.ts";
import type { GroupRow } from "./checkpoint-codec.ts";

/** The first journal file that holds an entry which is nowhere else. */
export function startSequenceOf(states: Iterable<GroupState>, activeSequence: number): number {
  let start = activeSequence;
  for (const state of states) {
    // What is damaged cannot move; it must not keep the journal of all others.
    const isMovable = !state.isBroken && !state.isStuck;
    if (isMovable) start = Math.min(start, state.oldestSequence ?? start);
  }
  return start;
}

/** What a checkpoint says of the groups that have written anything. */
export function captureGroups(states: Iterable<GroupState>): GroupRow[] {
  return [...states].filter(({ nextRecordNumber }) => nextRecordNumber > 0).map(captureGroup);
}

function captureGroup(state: GroupState): GroupRow {
  const { committedIndex, hardState, index, isBroken, isStuck, quarantined } = state;
  return {
    key: state.key,
    hardState: { ...hardState, commit: Math.max(hardState.commit, committedIndex) },
    firstRecordNumber: state.neededRecordNumber,
    nextRecordNumber: state.nextRecordNumber,
    movedIndex: index.movedIndex,
    movedOffset: index.movedOffset,
    raftFirstIndex: state.raftFirstIndex,
    startOffset: state.startOffset,
    cutIndex: state.cutIndex,
    broken: isBroken || isStuck ? (quarantined?.message ?? "damaged") : "",
    image: state.image,
    termRuns: termRunsOf(state),
    segments: state.segments,
  };
}

/** The terms of what is not in the journal: those of the rest are in its records. */
function termRunsOf({ index }: GroupState): readonly (readonly [number, number])[] {
  return [...index.termRuns()].filter(([startIndex]) => startIndex <= index.movedIndex);
}

import type { GroupState } from "../group-state.ts";
import type { GroupRow } from "./checkpoint-codec.ts";

/** The first journal file that holds an entry which is nowhere else. */
export function startSequenceOf(states: Iterable<GroupState>, activeSequence: number): number {
  let start = activeSequence;
  for (const state of states) {
    // What a start found damaged is set aside when its files are needed no more by others. What was found later
    // keeps the journal: until its owner acts, it is all there is.
    if (!state.isBroken) start = Math.min(start, state.oldestSequence ?? start);
  }
  return start;
}

/** What a checkpoint says of the groups that have written anything. */
export function captureGroups(states: Iterable<GroupState>): GroupRow[] {
  return [...states].filter(({ nextRecordNumber }) => nextRecordNumber > 0).map(captureGroup);
}

function captureGroup(state: GroupState): GroupRow {
  const { committedIndex, hardState, index, isBroken, quarantined } = state;
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
    broken: isBroken ? (quarantined?.message ?? "damaged") : "",
    image: state.image,
    termRuns: termRunsOf(state),
    segments: state.segments,
  };
}

/** The terms of what is not in the journal: those of the rest are in its records. */
function termRunsOf({ index }: GroupState): readonly (readonly [number, number])[] {
  return [...index.termRuns()].filter(([startIndex]) => startIndex <= index.movedIndex);
}

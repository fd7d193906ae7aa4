import { addingIdsOf } from "../controller/partition-assignment.ts";
import type { Replica } from "../replicas/replica-factory.ts";

/** How far a move has come, as the partition's leader knows. */
export interface MoveProgress {
  readonly groupId: number;
  /** Entries of the leader's log, and how many of them the slowest of the replicas that come has. */
  readonly entryCount: number;
  readonly copiedCount: number;
  /** Replicas that come take in a snapshot of the history first. */
  readonly isSnapshotting: boolean;
}

/** How far the move of a partition has come; `undefined` where this broker does not lead it. */
export function progressOf(replica: Replica | undefined): MoveProgress | undefined {
  if (replica?.group.leadership.kind !== "leading") return undefined;
  const { group, image } = replica;
  const progress = group.memberProgress();
  const entryCount = Math.max(0, ...progress.map(({ match }) => match));
  const coming = addingIdsOf(image).map((id) => progress.find((each) => each.id === id));
  return {
    groupId: image.groupId,
    entryCount,
    copiedCount: Math.min(entryCount, ...coming.map((each) => each?.match ?? 0)),
    isSnapshotting: coming.some((each) => each?.state === "snapshot"),
  };
}

import { assert } from "./assert.ts";
import { restoreSnapshotMembership } from "./membership.ts";
import { createMessage } from "./message.ts";
import type { Message } from "./message.ts";
import type { Raft } from "./raft.ts";
import type { Snapshot } from "./snapshot.ts";

/** Follower: takes a snapshot of the leader of this term. Its answer waits until the snapshot is durable. */
export function handleSnapshot(raft: Raft, message: Message): void {
  const snapshot = message.snapshot;
  assert(snapshot !== undefined, "a MsgSnap carries a snapshot");
  const response = createMessage("MsgAppResp", message.from);
  if (restoreSnapshot(raft, snapshot)) {
    raft.onEvent?.({
      kind: "snapshotAccepted",
      commit: raft.log.committed,
      snapshot: { index: snapshot.index, term: snapshot.term },
    });
    response.index = raft.log.lastIndex();
  } else {
    response.index = raft.log.committed;
  }
  raft.send(response);
}

type IgnoreReason = "committed already" | "log matches" | "not a member";

/** Puts log and membership of `snapshot` in force; answers false when it brings nothing. */
function restoreSnapshot(raft: Raft, snapshot: Snapshot): boolean {
  assert(raft.role === "follower", "only a follower takes a snapshot");
  const log = raft.log;
  if (snapshot.index <= log.committed) return ignore(raft, snapshot, "committed already");
  if (!contains(snapshot, raft.id)) return ignore(raft, snapshot, "not a member");
  if (log.matchesTerm(snapshot)) {
    // The log holds all that the snapshot stands for: throwing entries away would only cost.
    log.commitTo(snapshot.index);
    return ignore(raft, snapshot, "log matches");
  }
  log.restore(snapshot);
  restoreSnapshotMembership(raft, snapshot);
  raft.onEvent?.({
    kind: "snapshotRestored",
    commit: log.committed,
    last: log.lastEntryId(),
    snapshot: { index: snapshot.index, term: snapshot.term },
  });
  return true;
}

/** A node that the snapshot does not know would take itself out of the group. */
function contains(snapshot: Snapshot, id: number): boolean {
  const { voters, votersOutgoing, learners } = snapshot.confState;
  return voters.includes(id) || votersOutgoing.includes(id) || learners.includes(id);
}

function ignore(raft: Raft, snapshot: Snapshot, reason: IgnoreReason): false {
  raft.onEvent?.({
    kind: "snapshotIgnored",
    commit: raft.log.committed,
    snapshot: { index: snapshot.index, term: snapshot.term },
    reason,
  });
  return false;
}

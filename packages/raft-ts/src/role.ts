import { assert } from "./assert.ts";
import { createMessage } from "./message.ts";
import { appendEntries } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { NO_DATA } from "./entry.ts";

/** Follows `leader` (0 = nobody known) in `term`. */
export function becomeFollower(raft: Raft, term: number, leader: number): void {
  raft.reset(term);
  raft.leaderId = leader;
  raft.role = "follower";
  raft.onEvent?.({ kind: "becameFollower", term, leader });
}

/** Asks around before campaigning. Neither term nor vote changes: a node that cannot win disturbs nobody. */
export function becomePreCandidate(raft: Raft): void {
  assert(raft.role !== "leader", "a leader does not campaign");
  raft.tracker.resetVotes();
  raft.leaderId = 0;
  raft.role = "preCandidate";
  raft.onEvent?.({ kind: "becamePreCandidate", term: raft.term });
}

/** Raises the term and votes for itself (§5.2). */
export function becomeCandidate(raft: Raft): void {
  assert(raft.role !== "leader", "a leader does not campaign");
  raft.reset(raft.term + 1);
  raft.vote = raft.id;
  raft.role = "candidate";
  raft.onEvent?.({ kind: "becameCandidate", term: raft.term });
}

/** Leads the current term and opens it with an empty entry (§5.4.2, §8). */
export function becomeLeader(raft: Raft): void {
  assert(raft.role === "candidate", "only a candidate becomes leader");
  raft.reset(raft.term);
  raft.leaderId = raft.id;
  raft.role = "leader";
  const self = raft.tracker.get(raft.id);
  assert(self !== undefined, "a leader is a member");
  self.becomeReplicate();
  self.recentActive = true;
  // The log may hold a membership change that is not applied: none is accepted before all of it is.
  raft.pendingConfIndex = raft.log.lastIndex();
  const refusal = appendEntries(raft, [{ index: 0, term: 0, type: "normal", data: NO_DATA }]);
  assert(refusal === undefined, "an empty entry is always accepted");
  raft.onEvent?.({ kind: "becameLeader", term: raft.term });
}

/** Leader: asks `to` to campaign at once. */
export function sendTimeoutNow(raft: Raft, to: number): void {
  raft.send(createMessage("MsgTimeoutNow", to));
  raft.onEvent?.({ kind: "timeoutNowSent", to, term: raft.term });
}

import type { ConfChange } from "./conf-change.ts";
import { isVoter } from "./conf-state.ts";
import type { ConfState } from "./conf-state.ts";
import { applyChange } from "./confchange/changer.ts";
import type { Raft } from "./raft.ts";
import { answerConfirmedReads, releaseHeldReads } from "./read-index.ts";
import { broadcastAppend, maybeCommit, maybeSendAppend } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import type { Progress } from "./tracker/progress.ts";
import { abortTransfer } from "./transfer.ts";

/**
 * Puts a committed membership change in force. A change that does not fit the membership is without
 * effect, and so it is on every node, for all of them decide on the same membership.
 */
export function applyConfChange(raft: Raft, change: ConfChange): ConfState {
  const result = applyChange(raft.tracker, raft.log.lastIndex(), change);
  if (result.kind === "refused") {
    raft.onEvent?.({ kind: "membershipChangeInapplicable", fault: result.fault });
    return raft.tracker.config;
  }
  raft.tracker.install(result.config, result.progress);
  raft.onEvent?.({ kind: "membershipChanged", config: result.config });
  if (raft.role === "leader") continueAsLeader(raft);
  return result.config;
}

function continueAsLeader(raft: Raft): void {
  const self = raft.tracker.get(raft.id);
  if (self === undefined || self.isLearner) {
    if (raft.config.stepDownOnRemoval) becomeFollower(raft, raft.term, 0);
    return;
  }
  if (maybeCommit(raft)) {
    // The new majority may already have more than the old one had.
    releaseHeldReads(raft);
    broadcastAppend(raft);
  } else {
    for (const member of raft.tracker.members) greetMember(raft, member);
  }
  answerConfirmedReads(raft);
  if (raft.transferTarget !== 0 && !isVoter(raft.tracker.config, raft.transferTarget)) {
    abortTransfer(raft);
  }
}

/** Members that just joined are probed at once rather than with the next heartbeat. */
function greetMember(raft: Raft, member: Progress): void {
  if (member.id !== raft.id) maybeSendAppend(raft, member, false);
}

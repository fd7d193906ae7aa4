import type { Raft } from "./raft.ts";
import { maybeSendAppend } from "./replication.ts";
import { sendTimeoutNow } from "./role.ts";

/**
 * Leader: begins to hand leadership to `to` (thesis §3.10). Proposals are refused until it is done or
 * one election timeout has passed. Unknown targets and learners are ignored; the leader itself as target
 * ends a transfer that is in progress.
 */
export function startTransfer(raft: Raft, to: number): void {
  const peer = raft.tracker.get(to);
  if (peer === undefined || peer.isLearner || to === raft.transferTarget) {
    raft.onEvent?.({ kind: "transferIgnored", to });
    return;
  }
  abortTransfer(raft);
  if (to === raft.id) {
    raft.onEvent?.({ kind: "transferIgnored", to });
    return;
  }
  // The target gets a whole election timeout, wherever the leader's own clock stands.
  raft.electionElapsed = 0;
  raft.transferTarget = to;
  raft.onEvent?.({ kind: "transferStarted", to, term: raft.term });
  if (peer.match === raft.log.lastIndex()) sendTimeoutNow(raft, to);
  else maybeSendAppend(raft, peer, true);
}

/** Leader: `from` acknowledged entries; if that completes its log, it may take over. */
export function continueTransfer(raft: Raft, from: number, match: number): void {
  if (from === raft.transferTarget && match === raft.log.lastIndex()) sendTimeoutNow(raft, from);
}

/** Leader: takes proposals again. */
export function abortTransfer(raft: Raft): void {
  if (raft.transferTarget === 0) return;
  raft.onEvent?.({ kind: "transferAborted", to: raft.transferTarget, term: raft.term });
  raft.transferTarget = 0;
}

import type { Message } from "./message.ts";
import { propose } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { handleReadAcknowledgement, handleReadRequest, releaseHeldReads } from "./read-index.ts";
import { broadcastAppend, fillWindow, maybeCommit, maybeSendAppend } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import { progressStatus } from "./status.ts";
import type { StepOutcome } from "./step-outcome.ts";
import type { Progress } from "./tracker/progress.ts";
import { abortTransfer, continueTransfer, startTransfer } from "./transfer.ts";

/** What a leader does with a message of its term, or of none. */
export function stepLeader(raft: Raft, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgProp":
      return propose(raft, message.from, message.entries).kind === "dropped"
        ? "proposalDropped"
        : "done";
    case "MsgReadIndex":
      return handleReadRequest(raft, message) ? "done" : "readDropped";
    case "MsgTransferLeader":
      startTransfer(raft, message.from);
      return "done";
    default:
      break;
  }
  const peer = raft.tracker.get(message.from);
  if (peer === undefined) return "done";
  if (message.type === "MsgAppResp") {
    peer.recentActive = true;
    if (message.reject) handleAppendRejection(raft, peer, message);
    else handleAppendAcknowledgement(raft, peer, message.index);
  } else if (message.type === "MsgHeartbeatResp") {
    handleHeartbeatResponse(raft, peer, message.context);
  }
  return "done";
}

/** The peer's log differs: probes where it may agree (§5.3, end). */
function handleAppendRejection(raft: Raft, peer: Progress, message: Message): void {
  const { rejectHint, logTerm } = message;
  raft.onEvent?.({
    kind: "appendRejectionReceived",
    from: message.from,
    index: message.index,
    hint: { index: rejectHint, term: logTerm },
  });
  // The peer named the last of its entries that could match; ours of a later term cannot match either.
  const hintIndex =
    logTerm > 0 ? raft.log.findConflictByTerm(rejectHint, logTerm).index : rejectHint;
  if (!peer.maybeDecrease(message.index, hintIndex)) return;
  raft.onEvent?.({ kind: "progressDecreased", peer: progressStatus(peer) });
  if (peer.state === "replicate") peer.becomeProbe();
  maybeSendAppend(raft, peer, true);
}

/** Everything up to `index` is durable on the peer. */
function handleAppendAcknowledgement(raft: Raft, peer: Progress, index: number): void {
  const isNews = peer.maybeUpdate(index);
  // A peer that has everything still leaves the probing state on an answer that brings nothing new.
  if (!isNews && !(peer.match === index && peer.state === "probe")) return;
  resumeReplication(raft, peer, index);
  const isSelf = peer.id === raft.id;
  if (maybeCommit(raft)) {
    releaseHeldReads(raft);
    broadcastAppend(raft);
  } else if (!isSelf && peer.canBumpCommit(raft.log.committed)) {
    maybeSendAppend(raft, peer, true);
  }
  if (isSelf) return;
  fillWindow(raft, peer);
  continueTransfer(raft, peer.id, peer.match);
}

function resumeReplication(raft: Raft, peer: Progress, index: number): void {
  if (peer.state === "probe") {
    peer.becomeReplicate();
  } else if (peer.state === "replicate") {
    peer.inflights.freeUpTo(index);
  } else if (peer.match + 1 >= raft.log.firstIndex()) {
    // However the peer got there, our log reaches back far enough to go on from here.
    raft.onEvent?.({ kind: "replicationResumed", peer: progressStatus(peer) });
    peer.becomeProbe();
    peer.becomeReplicate();
  }
}

function handleHeartbeatResponse(raft: Raft, peer: Progress, sequence: number): void {
  peer.recentActive = true;
  peer.paused = false;
  peer.fetchPending = false;
  peer.heldBack = false;
  // If all of a full window was lost nothing would ever free it, so an empty append asks for an answer.
  if (peer.match < raft.log.lastIndex() || peer.state === "probe") {
    maybeSendAppend(raft, peer, true);
  }
  handleReadAcknowledgement(raft, peer.id, sequence);
}

/** Leader: steps down when no quorum answered since the last check. */
export function checkQuorum(raft: Raft): void {
  if (!raft.tracker.quorumActive()) {
    raft.onEvent?.({ kind: "quorumLost", term: raft.term });
    becomeFollower(raft, raft.term, 0);
  }
  for (const member of raft.tracker.members) {
    if (member.id !== raft.id) member.recentActive = false;
  }
}

/** Leader: the transport could not reach `peer`; what was sent ahead of acknowledgements is likely lost. */
export function handleUnreachable(raft: Raft, peer: Progress): void {
  if (peer.state === "replicate") peer.becomeProbe();
  raft.onEvent?.({ kind: "peerUnreachable", peer: progressStatus(peer) });
}

/**
 * Leader: `peer` has lost what it once acknowledged, so none of it counts any more. Until it acknowledges
 * entries anew it takes part in no majority.
 */
export function forgetProgress(raft: Raft, peer: Progress): void {
  if (raft.transferTarget === peer.id) abortTransfer(raft);
  peer.reset(0, raft.log.lastIndex() + 1);
}

/** Leader: the transport tells what became of a snapshot. The next answer or heartbeat resumes. */
export function handleSnapshotStatus(raft: Raft, peer: Progress, failed: boolean): void {
  if (peer.state !== "snapshot") return;
  if (failed) peer.pendingSnapshot = 0;
  peer.becomeProbe();
  raft.onEvent?.({ kind: "snapshotReported", failed, peer: progressStatus(peer) });
  peer.paused = true;
}

import { entriesApplied, snapshotApplied } from "./applied.ts";
import { stepCandidate } from "./candidate.ts";
import {
  handleVoteRequest,
  ignoreVoteRequest,
  isProtectedByLease,
  learnCommitFromVote,
  rejectOutdatedPreVote,
} from "./election.ts";
import { stepFollower } from "./follower.ts";
import { stepLeader } from "./leader.ts";
import { createMessage } from "./message.ts";
import type { Message } from "./message.ts";
import type { Raft } from "./raft.ts";
import { becomeFollower } from "./role.ts";
import type { StepOutcome } from "./step-outcome.ts";

/** Takes one message: first what its term says, then what its type and this node's role say. */
export function step(raft: Raft, message: Message): StepOutcome {
  if (message.term > raft.term) {
    if (!enterHigherTerm(raft, message)) return "done";
  } else if (message.term < raft.term && message.term !== 0) {
    handleLowerTerm(raft, message);
    return "done";
  }
  switch (message.type) {
    case "MsgVote":
    case "MsgPreVote":
      handleVoteRequest(raft, message);
      return "done";
    case "MsgVoteResp":
    case "MsgPreVoteResp":
      if (message.reject) learnCommitFromVote(raft, message);
      return stepRole(raft, message);
    case "MsgStorageAppendResp":
      handleStorageAppended(raft, message);
      return "done";
    case "MsgStorageApplyResp":
      entriesApplied(raft, message.entries);
      return "done";
    default:
      return stepRole(raft, message);
  }
}

function stepRole(raft: Raft, message: Message): StepOutcome {
  if (raft.role === "leader") return stepLeader(raft, message);
  if (raft.role === "follower") return stepFollower(raft, message);
  return stepCandidate(raft, message);
}

/** A later term: follow into it (§5.1), unless the message is not worth it. Answers whether to go on. */
function enterHigherTerm(raft: Raft, message: Message): boolean {
  const isVoteRequest = message.type === "MsgVote" || message.type === "MsgPreVote";
  // A node that was cut off must not depose a leader that everybody else hears (§6, end).
  if (isVoteRequest && isProtectedByLease(raft, message)) {
    ignoreVoteRequest(raft, message);
    return false;
  }
  // A pre-vote is about a term that may never begin.
  if (message.type === "MsgPreVote") return true;
  if (message.type === "MsgPreVoteResp" && !message.reject) return true;
  raft.onEvent?.({
    kind: "higherTermReceived",
    type: message.type,
    from: message.from,
    term: raft.term,
    messageTerm: message.term,
  });
  becomeFollower(raft, message.term, isFromLeader(message) ? message.from : 0);
  return true;
}

function isFromLeader(message: Message): boolean {
  return message.type === "MsgApp" || message.type === "MsgHeartbeat" || message.type === "MsgSnap";
}

/** An earlier term: nothing in it counts, but its sender may have to be told. */
function handleLowerTerm(raft: Raft, message: Message): void {
  const { checkQuorum, preVote } = raft.config;
  if ((checkQuorum || preVote) && (message.type === "MsgHeartbeat" || message.type === "MsgApp")) {
    // This node moved on alone and its vote requests are ignored, so the leader must learn the term
    // from somewhere or the two would never talk again.
    raft.send(createMessage("MsgAppResp", message.from));
  } else if (message.type === "MsgPreVote") {
    // Silence could deadlock a group in which some nodes do not use pre-votes.
    rejectOutdatedPreVote(raft, message);
  } else if (message.type === "MsgStorageAppendResp") {
    handleOutdatedStorageAppend(raft, message);
  } else {
    raft.onEvent?.({
      kind: "lowerTermIgnored",
      type: message.type,
      from: message.from,
      term: raft.term,
      messageTerm: message.term,
    });
  }
}

/** Storage has everything up to the entry it names. */
function handleStorageAppended(raft: Raft, message: Message): void {
  if (message.index !== 0) {
    raft.log.unstable.stableTo({ index: message.index, term: message.logTerm });
  }
  if (message.snapshot !== undefined) snapshotApplied(raft, message.snapshot);
}

/**
 * A write of an earlier term is durable. Its entries may have been replaced since, and replaced back: the
 * same index and term then stand in the unstable log while older bytes are still being written over
 * newer ones. So entries only count within the term they were written in; every new term writes its log
 * end anew. A snapshot holds committed state and counts always.
 */
function handleOutdatedStorageAppend(raft: Raft, message: Message): void {
  if (message.index !== 0) {
    raft.onEvent?.({
      kind: "storageAppendIgnored",
      term: raft.term,
      messageTerm: message.term,
    });
  }
  if (message.snapshot !== undefined) snapshotApplied(raft, message.snapshot);
}

import { handleAppend, handleHeartbeat } from "./append-handler.ts";
import { campaign } from "./election.ts";
import type { Message } from "./message.ts";
import { propose } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { broadcastAppend } from "./replication.ts";
import { becomeFollower, becomeLeader } from "./role.ts";
import { handleSnapshot } from "./snapshot-handler.ts";
import type { StepOutcome } from "./step-outcome.ts";

/** What a candidate or pre-candidate does with a message of its term, or of none. */
export function stepCandidate(raft: Raft, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgProp":
      propose(raft, message.from, message.entries);
      return "proposalDropped";
    case "MsgReadIndex":
      return "readDropped";
    case "MsgApp":
      becomeFollower(raft, message.term, message.from);
      handleAppend(raft, message);
      return "done";
    case "MsgHeartbeat":
      becomeFollower(raft, message.term, message.from);
      handleHeartbeat(raft, message);
      return "done";
    case "MsgSnap":
      becomeFollower(raft, message.term, message.from);
      handleSnapshot(raft, message);
      return "done";
    case "MsgPreVoteResp":
      if (raft.role === "preCandidate") countVote(raft, message);
      return "done";
    case "MsgVoteResp":
      if (raft.role === "candidate") countVote(raft, message);
      return "done";
    default:
      return "done";
  }
}

function countVote(raft: Raft, message: Message): void {
  const granted = !message.reject;
  raft.onEvent?.({
    kind: "voteReceived",
    type: message.type,
    from: message.from,
    granted,
    term: raft.term,
  });
  raft.tracker.recordVote(message.from, granted);
  const tally = raft.tracker.tallyVotes();
  raft.onEvent?.({
    kind: "votesCounted",
    type: message.type,
    granted: tally.granted,
    rejected: tally.rejected,
  });
  if (tally.result === "won") {
    winElection(raft);
  } else if (tally.result === "lost") {
    // A promise carries a term to come, so the own term is what counts here.
    becomeFollower(raft, raft.term, 0);
  }
}

function winElection(raft: Raft): void {
  if (raft.role === "preCandidate") {
    campaign(raft, "election");
    return;
  }
  becomeLeader(raft);
  broadcastAppend(raft);
}

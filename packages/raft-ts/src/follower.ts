import { handleAppend, handleHeartbeat } from "./append-handler.ts";
import { startCampaign } from "./election.ts";
import { createMessage } from "./message.ts";
import type { Message } from "./message.ts";
import { propose } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { handleSnapshot } from "./snapshot-handler.ts";
import type { StepOutcome } from "./step-outcome.ts";

/** What a follower does with a message of its term, or of none. */
export function stepFollower(raft: Raft, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgApp":
      followLeader(raft, message.from);
      handleAppend(raft, message);
      return "done";
    case "MsgHeartbeat":
      followLeader(raft, message.from);
      handleHeartbeat(raft, message);
      return "done";
    case "MsgSnap":
      followLeader(raft, message.from);
      handleSnapshot(raft, message);
      return "done";
    case "MsgProp":
      return propose(raft, message.from, message.entries).kind === "dropped"
        ? "proposalDropped"
        : "done";
    case "MsgReadIndex":
      return forwardReadRequest(raft, message);
    case "MsgReadIndexResp":
      raft.readStates.push({ index: message.index, context: message.context });
      return "done";
    case "MsgTransferLeader":
      forwardTransfer(raft, message);
      return "done";
    case "MsgTimeoutNow":
      // The leader gave up its lease by asking, so no promise is sought first.
      startCampaign(raft, "transfer");
      return "done";
    default:
      return "done";
  }
}

function followLeader(raft: Raft, leader: number): void {
  raft.electionElapsed = 0;
  raft.leaderId = leader;
}

function forwardReadRequest(raft: Raft, request: Message): StepOutcome {
  if (raft.leaderId === 0) {
    raft.onEvent?.({ kind: "readDropped", context: request.context });
    return "readDropped";
  }
  const message = createMessage("MsgReadIndex", raft.leaderId);
  message.from = request.from;
  message.context = request.context;
  raft.sendWithTerm(message, 0);
  return "done";
}

function forwardTransfer(raft: Raft, request: Message): void {
  if (raft.leaderId === 0) {
    raft.onEvent?.({ kind: "transferIgnored", to: request.from });
    return;
  }
  const message = createMessage("MsgTransferLeader", raft.leaderId);
  message.from = request.from;
  raft.send(message);
}

/**
 * Follower: stops trusting the leader without waiting for the election timeout, because somebody knows
 * that it is gone. The node may then vote; it stays in its term and does not campaign by itself.
 */
export function forgetLeader(raft: Raft): void {
  if (raft.role !== "follower") return;
  if (raft.config.readOnlyOption === "leaseBased") {
    // The leader may be serving reads on the strength of this node's lease.
    raft.onEvent?.({ kind: "forgetLeaderRefused" });
    return;
  }
  if (raft.leaderId === 0) return;
  raft.onEvent?.({ kind: "leaderForgotten", leader: raft.leaderId, term: raft.term });
  raft.leaderId = 0;
}

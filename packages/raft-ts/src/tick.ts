import { startCampaign } from "./election.ts";
import { checkQuorum } from "./leader.ts";
import type { Raft } from "./raft.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { abortTransfer } from "./transfer.ts";

/** One unit of time has passed. */
export function tick(raft: Raft): void {
  if (raft.role === "leader") tickLeader(raft);
  else tickElection(raft);
}

function tickElection(raft: Raft): void {
  raft.electionElapsed++;
  if (raft.electionElapsed < raft.randomizedElectionTimeout || !raft.isPromotable()) return;
  raft.electionElapsed = 0;
  startCampaign(raft, raft.config.preVote ? "preElection" : "election");
}

function tickLeader(raft: Raft): void {
  raft.heartbeatElapsed++;
  raft.electionElapsed++;
  if (raft.electionElapsed >= raft.config.electionTick) {
    raft.electionElapsed = 0;
    if (raft.config.checkQuorum) checkQuorum(raft);
    // A target that did not take over within an election timeout will not.
    if (raft.role === "leader") abortTransfer(raft);
  }
  if (raft.role !== "leader" || raft.heartbeatElapsed < raft.config.heartbeatTick) return;
  raft.heartbeatElapsed = 0;
  broadcastHeartbeat(raft, raft.reads.lastPendingSequence);
}

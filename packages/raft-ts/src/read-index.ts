import { createMessage } from "./message.ts";
import type { Message } from "./message.ts";
import type { Raft } from "./raft.ts";
import { broadcastHeartbeat } from "./replication.ts";

/** Leader: takes a read request, its own or a follower's. Answers false when too many wait. */
export function handleReadRequest(raft: Raft, request: Message): boolean {
  if (raft.heldReads.length + raft.reads.count >= raft.config.maxPendingReads) {
    raft.onEvent?.({ kind: "readDropped", context: request.context });
    return false;
  }
  // Until an entry of its own term is committed, a new leader does not know how far others had
  // committed, and a restarted single voter not even how far it had itself.
  if (raft.hasCommittedInTerm()) confirmRead(raft, request);
  else raft.heldReads.push(request);
  return true;
}

/** Leader: the first entry of the term is committed, so reads that came before it can be confirmed. */
export function releaseHeldReads(raft: Raft): void {
  if (raft.heldReads.length === 0 || !raft.hasCommittedInTerm()) return;
  const requests = raft.heldReads;
  raft.heldReads = [];
  for (const request of requests) confirmRead(raft, request);
}

/** Makes sure that this node still leads before the read is answered (thesis §6.4). */
function confirmRead(raft: Raft, request: Message): void {
  if (raft.config.readOnlyOption === "leaseBased" || isOnlyVoter(raft)) {
    answerRead(raft, request, raft.log.committed);
    return;
  }
  const sequence = raft.reads.add(request, raft.log.committed);
  broadcastHeartbeat(raft, sequence);
}

/** Whether nobody else could have been elected meanwhile. */
function isOnlyVoter(raft: Raft): boolean {
  return raft.tracker.isSingleton() && raft.tracker.config.voters[0] === raft.id;
}

/** Leader: a peer still followed it when read heartbeat `sequence` came. */
export function handleReadAcknowledgement(raft: Raft, from: number, sequence: number): void {
  if (sequence === 0 || raft.config.readOnlyOption !== "safe") return;
  raft.reads.acknowledge(from, sequence);
  answerConfirmedReads(raft);
}

/** Leader: answers the reads that a quorum has confirmed. */
export function answerConfirmedReads(raft: Raft): void {
  if (raft.reads.count === 0) return;
  for (const read of raft.reads.takeConfirmed(raft.tracker.config)) {
    answerRead(raft, read.request, read.index);
  }
}

function answerRead(raft: Raft, request: Message, index: number): void {
  if (request.from === 0 || request.from === raft.id) {
    raft.readStates.push({ index, context: request.context });
    return;
  }
  const response = createMessage("MsgReadIndexResp", request.from);
  response.index = index;
  response.context = request.context;
  raft.send(response);
}

import { assert } from "./assert.ts";
import type { Entry } from "./entry.ts";
import { NO_ENTRIES, payloadBytes } from "./entry.ts";
import { createMessage } from "./message.ts";
import type { Raft } from "./raft.ts";
import { progressStatus } from "./status.ts";
import type { Progress } from "./tracker/progress.ts";

/** Leader: sends every peer what it lacks, or just the commit index. */
export function broadcastAppend(raft: Raft): void {
  const members = raft.tracker.members;
  for (let position = 0; position < members.length; position++) {
    const member = members[position] as Progress;
    if (member.id !== raft.id) maybeSendAppend(raft, member, true);
  }
}

/**
 * Leader: sends `peer` one append, or a snapshot where the log does not reach back far enough. With
 * `sendIfEmpty` an append without entries is worth sending, for it carries the commit index. Answers
 * whether something was sent.
 */
export function maybeSendAppend(raft: Raft, peer: Progress, sendIfEmpty: boolean): boolean {
  if (peer.isPaused() || peer.fetchPending) return false;
  if (peer.isLearner && peer.heldBack) return false;
  const previousIndex = peer.next - 1;
  const previousTerm = raft.log.term(previousIndex);
  if (typeof previousTerm !== "number") return maybeSendSnapshot(raft, peer);
  let entries: readonly Entry[] = NO_ENTRIES;
  // A full window still lets an empty append through: if all in it was lost, its answer frees it.
  if (peer.state !== "replicate" || !peer.inflights.full) {
    const page = raft.log.entriesFrom(peer.next, raft.config.maxSizePerMsg);
    if (page === "pending") {
      peer.fetchPending = true;
      return false;
    }
    if (typeof page === "string") return maybeSendSnapshot(raft, peer);
    entries = page;
  }
  if (peer.isLearner && entries.length > 0 && !isAdmitted(raft, entries)) {
    peer.heldBack = true;
    return false;
  }
  if (entries.length === 0 && !sendIfEmpty) return false;
  sendAppend(raft, peer, previousTerm, entries);
  return true;
}

function isAdmitted(raft: Raft, entries: readonly Entry[]): boolean {
  return raft.config.admitToLearner?.(payloadBytes(entries)) ?? true;
}

function sendAppend(
  raft: Raft,
  peer: Progress,
  previousTerm: number,
  entries: readonly Entry[],
): void {
  const first = entries[0];
  assert(first === undefined || first.index === peer.next, "an append follows its predecessor");
  const message = createMessage("MsgApp", peer.id);
  message.index = peer.next - 1;
  message.logTerm = previousTerm;
  message.entries = entries;
  message.commit = raft.log.committed;
  raft.send(message);
  peer.sent(entries.length, payloadBytes(entries));
  peer.sentCommit(raft.log.committed);
}

/** Leader: sends a snapshot, unless the peer would not get it or there is none yet. */
function maybeSendSnapshot(raft: Raft, peer: Progress): boolean {
  if (!peer.recentActive) return false;
  const snapshot = raft.log.snapshot();
  if (snapshot === "unavailable") {
    raft.onEvent?.({ kind: "snapshotUnavailable", to: peer.id });
    return false;
  }
  assert(snapshot.index >= 1, "a snapshot contains at least one entry");
  raft.onEvent?.({
    kind: "snapshotSent",
    snapshot: { index: snapshot.index, term: snapshot.term },
    firstIndex: raft.log.firstIndex(),
    commit: raft.log.committed,
    peer: progressStatus(peer),
  });
  peer.becomeSnapshot(snapshot.index);
  raft.onEvent?.({ kind: "replicationPaused", peer: progressStatus(peer) });
  const message = createMessage("MsgSnap", peer.id);
  message.snapshot = snapshot;
  raft.send(message);
  return true;
}

/** Leader: sends everything that the window of `peer` has room for. */
export function fillWindow(raft: Raft, peer: Progress): void {
  // Every round sends at least one entry, or it is the last.
  while (maybeSendAppend(raft, peer, false));
}

/** Leader: tells every peer that it still leads; `sequence` asks for confirmation of reads up to it. */
export function broadcastHeartbeat(raft: Raft, sequence: number): void {
  for (const member of raft.tracker.members) {
    if (member.id !== raft.id) sendHeartbeat(raft, member, sequence);
  }
}

function sendHeartbeat(raft: Raft, peer: Progress, sequence: number): void {
  const message = createMessage("MsgHeartbeat", peer.id);
  // Beyond what is known to match, the peer may hold entries of another leader: it must not commit them.
  message.commit = Math.min(peer.match, raft.log.committed);
  message.context = sequence;
  raft.send(message);
  peer.sentCommit(message.commit);
}

/** Leader: moves the commit index to what a quorum has. */
export function maybeCommit(raft: Raft): boolean {
  return raft.log.maybeCommit(raft.tracker.committedIndex(), raft.term);
}

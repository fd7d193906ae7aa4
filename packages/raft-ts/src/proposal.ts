import { assert } from "./assert.ts";
import type { ConfChange } from "./conf-change.ts";
import { decodeConfChange, leavesJoint } from "./conf-change.ts";
import { isJoint } from "./conf-state.ts";
import type { Entry } from "./entry.ts";
import { NO_DATA, payloadBytes } from "./entry.ts";
import type { ConfChangeRefusal, ProposalRefusal } from "./event.ts";
import { createMessage } from "./message.ts";
import type { Raft } from "./raft.ts";
import { broadcastAppend } from "./replication.ts";

/**
 * What became of a proposal. `appended`: it is in the leader's log and will be committed if this leader
 * stays in charge for long enough; somebody else's entry may still take its index. `forwarded`: it is on
 * its way to the leader, which will not answer. `refused`: the membership change does not fit, an empty
 * entry took its place. `dropped`: it certainly will not happen.
 */
export type ProposeOutcome =
  | { readonly kind: "appended"; readonly index: number; readonly term: number }
  | { readonly kind: "forwarded"; readonly to: number }
  | {
      readonly kind: "refused";
      readonly index: number;
      readonly term: number;
      readonly reason: ConfChangeRefusal;
    }
  | { readonly kind: "dropped"; readonly reason: ProposalRefusal };

/** Leader, follower or candidate: takes proposed entries, whose index and term are not set yet. */
export function propose(raft: Raft, from: number, entries: readonly Entry[]): ProposeOutcome {
  assert(entries.length > 0, "a proposal carries at least one entry");
  if (raft.role !== "leader") return forwardProposal(raft, from, entries);
  if (raft.tracker.get(raft.id) === undefined) return dropped(raft, "leaderNotMember");
  // Entries accepted now could keep the target from ever catching up.
  if (raft.transferTarget !== 0) return dropped(raft, "transferInProgress");
  const previousConfIndex = raft.pendingConfIndex;
  const checked = checkConfChanges(raft, entries);
  const refusal = appendEntries(raft, checked.entries);
  if (refusal !== undefined) {
    // Nothing was appended, so no membership change is on its way because of this proposal.
    raft.pendingConfIndex = previousConfIndex;
    return dropped(raft, refusal);
  }
  const index = raft.log.lastIndex();
  broadcastAppend(raft);
  if (checked.refusal === undefined) return { kind: "appended", index, term: raft.term };
  return { kind: "refused", index, term: raft.term, reason: checked.refusal };
}

function forwardProposal(raft: Raft, from: number, entries: readonly Entry[]): ProposeOutcome {
  if (raft.role !== "follower" || raft.leaderId === 0) return dropped(raft, "noLeader");
  if (raft.config.disableProposalForwarding) return dropped(raft, "forwardingDisabled");
  const message = createMessage("MsgProp", raft.leaderId);
  message.from = from;
  message.entries = entries;
  raft.sendWithTerm(message, 0);
  return { kind: "forwarded", to: raft.leaderId };
}

function dropped(raft: Raft, reason: ProposalRefusal): ProposeOutcome {
  raft.onEvent?.({ kind: "proposalDropped", term: raft.term, reason });
  return { kind: "dropped", reason };
}

interface CheckedEntries {
  readonly entries: readonly Entry[];
  readonly refusal: ConfChangeRefusal | undefined;
}

/** Puts an empty entry in the place of every membership change that does not fit. */
function checkConfChanges(raft: Raft, entries: readonly Entry[]): CheckedEntries {
  let checked: Entry[] | undefined;
  let lastRefusal: ConfChangeRefusal | undefined;
  for (let position = 0; position < entries.length; position++) {
    const entry = entries[position] as Entry;
    if (entry.type === "normal") continue;
    const change = decodeConfChange(entry);
    const refusal = confChangeRefusal(raft, change);
    if (refusal === undefined || raft.config.disableConfChangeValidation) {
      raft.pendingConfIndex = raft.log.lastIndex() + position + 1;
      continue;
    }
    const config = raft.tracker.config;
    raft.onEvent?.({ kind: "confChangeRefused", change, config, reason: refusal });
    checked ??= [...entries];
    checked[position] = { index: 0, term: 0, type: "normal", data: NO_DATA };
    lastRefusal = refusal;
  }
  return { entries: checked ?? entries, refusal: lastRefusal };
}

/**
 * Why `change` may not enter the log now. One change at a time, and none before everything in the log at
 * the start of the term is applied: otherwise two leaders could each build on a membership the other
 * never knew (the single-server membership bug).
 */
function confChangeRefusal(raft: Raft, change: ConfChange): ConfChangeRefusal | undefined {
  if (raft.pendingConfIndex > raft.log.applied) return "changePending";
  const joint = isJoint(raft.tracker.config);
  const leaves = leavesJoint(change) || change.changes.length === 0;
  if (joint && !leaves) return "mustLeaveJointFirst";
  if (!joint && leaves) return "notJoint";
  return undefined;
}

/** Leader: gives `entries` their index and term and puts them into the log, or says why not. */
export function appendEntries(raft: Raft, entries: readonly Entry[]): ProposalRefusal | undefined {
  const bytes = payloadBytes(entries);
  if (!reserveUncommitted(raft, bytes)) return "uncommittedBytesExceeded";
  let index = raft.log.lastIndex();
  const appended: Entry[] = [];
  for (let position = 0; position < entries.length; position++) {
    const entry = entries[position] as Entry;
    index++;
    appended.push({ index, term: raft.term, type: entry.type, data: entry.data });
  }
  raft.log.append(appended);
  // The leader counts itself only when its own disk has the entries, like everybody else.
  const acknowledgement = createMessage("MsgAppResp", raft.id);
  acknowledgement.index = index;
  raft.send(acknowledgement);
  return undefined;
}

/** A proposal larger than the whole bound is accepted when nothing else is held, or it never would be. */
function reserveUncommitted(raft: Raft, bytes: number): boolean {
  const total = raft.uncommittedBytes + bytes;
  if (raft.uncommittedBytes > 0 && bytes > 0 && total > raft.config.maxUncommittedEntriesSize) {
    return false;
  }
  raft.uncommittedBytes = total;
  return true;
}

/** Leader: `bytes` of entries were applied. Entries of earlier terms were never counted. */
export function releaseUncommitted(raft: Raft, bytes: number): void {
  raft.uncommittedBytes = Math.max(raft.uncommittedBytes - bytes, 0);
}

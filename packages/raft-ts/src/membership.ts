import type { ConfChange } from "./conf-change.ts";
import { isVoter } from "./conf-state.ts";
import type { ConfState } from "./conf-state.ts";
import { restoreMembership } from "./confchange/restore.ts";
import { applyChange } from "./confchange/changer.ts";
import type { Entry } from "./entry.ts";
import type { Raft } from "./raft.ts";
import { answerConfirmedReads, releaseHeldReads } from "./read-index.ts";
import { broadcastAppend, maybeCommit, maybeSendAppend } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Progress } from "./tracker/progress.ts";
import { ProgressTracker } from "./tracker/progress-tracker.ts";
import { abortTransfer } from "./transfer.ts";

/**
 * Puts a committed membership change in force. A change that does not fit the membership is without
 * effect, and so it is on every node, for all of them decide on the same membership.
 */
export function applyConfChange(raft: Raft, change: ConfChange): ConfState {
  const index = raft.confChangesApplying.shift() ?? Infinity;
  if (raft.overtaken !== undefined && index <= raft.restoredIndex) {
    return applyTo(raft, raft.overtaken, change);
  }
  const before = raft.tracker.config;
  const config = applyTo(raft, raft.tracker, change);
  if (config === before) return config;
  raft.onEvent?.({ kind: "membershipChanged", config });
  if (raft.role === "leader") continueAsLeader(raft);
  return config;
}

function applyTo(raft: Raft, tracker: ProgressTracker, change: ConfChange): ConfState {
  const result = applyChange(tracker, raft.log.lastIndex(), change);
  if (result.kind === "refused") {
    raft.onEvent?.({ kind: "membershipChangeInapplicable", fault: result.fault });
    return tracker.config;
  }
  tracker.install(result.config, result.progress);
  return result.config;
}

/** Notes the membership changes in `entries`, which the owner is about to apply. */
export function confChangesHandedOut(raft: Raft, entries: readonly Entry[]): void {
  for (const entry of entries) {
    if (entry.type !== "normal") raft.confChangesApplying.push(entry.index);
  }
}

/** Notes that everything up to `index` is applied, also changes that the owner chose to skip. */
export function confChangesApplied(raft: Raft, index: number): void {
  const pending = raft.confChangesApplying;
  while (pending.length > 0 && (pending[0] as number) <= index) pending.shift();
  if (pending.length === 0 || (pending[0] as number) > raft.restoredIndex) {
    raft.overtaken = undefined;
  }
}

/**
 * Puts the membership of a snapshot in force. Changes that were handed out before may still be on their
 * way through the owner's state machine: applied to the new membership they would count twice, so the
 * old one is kept for them until they are done.
 */
export function restoreSnapshotMembership(raft: Raft, snapshot: Snapshot): void {
  const { tracker } = raft;
  if (raft.confChangesApplying.length > 0 && raft.overtaken === undefined) {
    raft.overtaken = new ProgressTracker(tracker.inflightMsgsMax, tracker.inflightBytesMax);
    raft.overtaken.install(tracker.config, tracker.progress);
  }
  raft.restoredIndex = snapshot.index;
  restoreMembership(tracker, snapshot.index, snapshot.confState);
  raft.onEvent?.({ kind: "membershipChanged", config: tracker.config });
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

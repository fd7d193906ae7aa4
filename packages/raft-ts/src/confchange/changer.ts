import { assert } from "../assert.ts";
import type { ConfChange, ConfChangeStep } from "../conf-change.ts";
import { entersJoint, leavesJoint } from "../conf-change.ts";
import type { ConfState } from "../conf-state.ts";
import { ascending, isJoint } from "../conf-state.ts";
import type { Progress } from "../tracker/progress.ts";
import type { ProgressTracker } from "../tracker/progress-tracker.ts";
import { MembershipDraft } from "./membership-draft.ts";

/** Why a membership change does not fit the membership in force. */
export type ConfChangeFault =
  | "already joint"
  | "not joint"
  | "joint, so simple changes are refused"
  | "no voters to start from"
  | "no voters left"
  | "more than one voter changed";

/** A membership and what is known of its members, or why there is none. */
export type ConfChangeResult =
  | {
      readonly kind: "changed";
      readonly config: ConfState;
      readonly progress: ReadonlyMap<number, Progress>;
    }
  | { readonly kind: "refused"; readonly fault: ConfChangeFault };

/**
 * The membership that follows from the one in force in `tracker` when `change` is applied. Nothing is
 * changed in `tracker`. New peers are probed from `lastIndex`.
 */
export function applyChange(
  tracker: ProgressTracker,
  lastIndex: number,
  change: ConfChange,
): ConfChangeResult {
  if (leavesJoint(change)) return leaveJoint(tracker, lastIndex);
  const joint = entersJoint(change);
  if (joint === undefined) return simpleChange(tracker, lastIndex, change.changes);
  return enterJoint(tracker, lastIndex, joint.autoLeave, change.changes);
}

/** Applies `steps` to the incoming half and keeps the voters in force as the outgoing half. */
export function enterJoint(
  tracker: ProgressTracker,
  lastIndex: number,
  autoLeave: boolean,
  steps: readonly ConfChangeStep[],
): ConfChangeResult {
  if (isJoint(tracker.config)) return refused("already joint");
  // An empty half decides everything alone, so a joint configuration would not protect anything.
  if (tracker.config.voters.length === 0) return refused("no voters to start from");
  const draft = new MembershipDraft(tracker, lastIndex);
  for (const id of tracker.config.voters) draft.outgoing.add(id);
  draft.apply(steps);
  draft.autoLeave = autoLeave;
  return finish(draft);
}

/** Drops the outgoing half; voters that were to become learners now do. */
export function leaveJoint(tracker: ProgressTracker, lastIndex: number): ConfChangeResult {
  if (!isJoint(tracker.config)) return refused("not joint");
  const draft = new MembershipDraft(tracker, lastIndex);
  draft.leaveJoint();
  return finish(draft);
}

/** Applies `steps` at once. Safe only while old and new majorities overlap: one voter may change. */
export function simpleChange(
  tracker: ProgressTracker,
  lastIndex: number,
  steps: readonly ConfChangeStep[],
): ConfChangeResult {
  if (isJoint(tracker.config)) return refused("joint, so simple changes are refused");
  const draft = new MembershipDraft(tracker, lastIndex);
  draft.apply(steps);
  if (draft.voters.size === 0) return refused("no voters left");
  if (differenceCount(tracker.config.voters, draft.voters) > 1) {
    return refused("more than one voter changed");
  }
  return finish(draft);
}

function finish(draft: MembershipDraft): ConfChangeResult {
  if (draft.voters.size === 0) return refused("no voters left");
  const config: ConfState = {
    voters: ascending(draft.voters),
    votersOutgoing: ascending(draft.outgoing),
    learners: ascending(draft.learners),
    learnersNext: ascending(draft.learnersNext),
    autoLeave: draft.autoLeave,
  };
  assertConsistent(config, draft.progress);
  return { kind: "changed", config, progress: draft.progress };
}

function refused(fault: ConfChangeFault): ConfChangeResult {
  return { kind: "refused", fault };
}

/** In how many members two sets of voters differ. */
function differenceCount(before: readonly number[], after: ReadonlySet<number>): number {
  let kept = 0;
  for (const id of before) if (after.has(id)) kept++;
  return before.length - kept + (after.size - kept);
}

/** What must hold of every membership, however it came about. */
export function assertConsistent(config: ConfState, progress: ReadonlyMap<number, Progress>): void {
  for (const id of [...config.voters, ...config.votersOutgoing]) {
    assert(progress.has(id), "every voter has a progress");
    assert(!config.learners.includes(id), "a voter is not a learner");
  }
  for (const id of config.learnersNext) {
    assert(config.votersOutgoing.includes(id), "a learner-to-be still votes in the outgoing half");
    assert(progress.get(id)?.isLearner === false, "a learner-to-be is not a learner yet");
  }
  for (const id of config.learners) {
    assert(progress.get(id)?.isLearner === true, "every learner has the progress of a learner");
  }
  if (!isJoint(config)) {
    assert(config.learnersNext.length === 0, "only a joint configuration has learners-to-be");
    assert(!config.autoLeave, "only a joint configuration is left by itself");
  }
}

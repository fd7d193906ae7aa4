import type { ConfChange, ConfChangeStep, ProgressStatus } from "raft-ts";
import { assignmentContext, leaveJoint, type Members, settlement } from "./member-record.ts";

/** What the leader of a group knows when it looks at the group's members. */
export interface MemberView {
  readonly brokerId: number;
  readonly members: Members;
  /** The voters that the group is to have. */
  readonly wantedIds: readonly number[];
  /** The assignment that wants them: the index of the controller's entry. */
  readonly assignmentId: number;
  /** The controller waits to hear that the group has them. */
  readonly isMoving: boolean;
  readonly progress: readonly ProgressStatus[];
  /** Whether a broker was heard of lately. */
  readonly isAlive: (brokerId: number) => boolean;
}

/** What a step waits for: newer metadata, replicas that come, or more living replicas of the wanted ones. */
export type MemberWait = "metadata" | "catchUp" | "quorum" | "successor";

/** What the leader does next to give its group the members that are wanted. */
export type MemberStep =
  | { readonly kind: "none" }
  | { readonly kind: "wait"; readonly for: MemberWait }
  | { readonly kind: "change"; readonly change: ConfChange }
  | { readonly kind: "handOver"; readonly to: number }
  | { readonly kind: "finished" };

/** A replica this close to its leader's last entry has caught up; the rest comes while it becomes a voter. */
const entriesBehindMax = 64;

/**
 * The next step towards the wanted members: those that come learn first, one after the other; once all have caught
 * up, one joint change makes the wanted ones the voters; a leader that is none of them hands leadership over
 * while both sets vote; then the old voters leave, and go once that is settled. At every moment a committed entry is on a majority of the voters
 * before and after. Every change names its assignment, so that a leader with older metadata does not undo it.
 */
export function nextMemberStep(view: MemberView): MemberStep {
  const { assignmentId, members, wantedIds } = view;
  if (members.assignmentId > assignmentId) return { kind: "wait", for: "metadata" };
  const { learners, voters, votersOutgoing } = members.confState;
  if (votersOutgoing.length > 0) return leaveOldVoters(view);
  const unwanted = learners.find((id) => !wantedIds.includes(id));
  if (unwanted !== undefined) return single(view, { type: "remove", nodeId: unwanted });
  const missing = wantedIds.find((id) => !voters.includes(id) && !learners.includes(id));
  if (missing !== undefined) return single(view, { type: "addLearner", nodeId: missing });
  const isDone = learners.length === 0 && voters.length === wantedIds.length;
  return isDone ? settle(view) : joinNewVoters(view);
}

/** Whether a member has all but the last entries, as its leader knows. */
export function isNearEnd(progress: readonly ProgressStatus[], brokerId: number): boolean {
  const end = Math.max(0, ...progress.map(({ match }) => match));
  const member = progress.find(({ id }) => id === brokerId);
  return member?.state === "replicate" && end - member.match <= entriesBehindMax;
}

/** It must have the entry that made it a member, too: a short log is soon caught up with. */
function hasCaughtUp({ members, progress }: MemberView, brokerId: number): boolean {
  const match = progress.find(({ id }) => id === brokerId)?.match ?? -1;
  return match >= members.index && isNearEnd(progress, brokerId);
}

function joinNewVoters(view: MemberView): MemberStep {
  const { assignmentId, members, wantedIds } = view;
  const { learners, voters } = members.confState;
  if (!learners.every((id) => isFit(view, id))) return { kind: "wait", for: "catchUp" };
  const fitCount = wantedIds.filter((id) => isFit(view, id)).length;
  if (fitCount <= wantedIds.length / 2) return { kind: "wait", for: "quorum" };
  const steps: ConfChangeStep[] = [
    ...learners.map((nodeId) => ({ type: "addVoter", nodeId }) as const),
    ...voters
      .filter((id) => !wantedIds.includes(id))
      .map((nodeId) => ({ type: "remove", nodeId }) as const),
  ];
  const context = assignmentContext(assignmentId);
  return { kind: "change", change: { transition: "jointExplicit", changes: steps, context } };
}

function leaveOldVoters(view: MemberView): MemberStep {
  const { assignmentId, brokerId, members } = view;
  const { voters } = members.confState;
  if (voters.includes(brokerId)) return { kind: "change", change: leaveJoint(assignmentId) };
  const to = voters.find((id) => isFit(view, id));
  return to === undefined ? { kind: "wait", for: "successor" } : { kind: "handOver", to };
}

/**
 * An entry behind the last change says that it was that. Once it is committed, whoever can be elected knows the
 * members, and the old ones may go; and a later leader does not act on an older assignment.
 */
function settle({ assignmentId, brokerId, isMoving, members }: MemberView): MemberStep {
  if (!isMoving) return { kind: "none" };
  if (members.settledId === assignmentId) return { kind: "finished" };
  return { kind: "change", change: settlement(assignmentId, brokerId) };
}

function single({ assignmentId }: MemberView, step: ConfChangeStep): MemberStep {
  const context = assignmentContext(assignmentId);
  return { kind: "change", change: { transition: "auto", changes: [step], context } };
}

function isFit(view: MemberView, brokerId: number): boolean {
  return view.isAlive(brokerId) && hasCaughtUp(view, brokerId);
}

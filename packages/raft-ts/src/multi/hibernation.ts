import { isJoint } from "../conf-state.ts";
import type { RawNode } from "../raw-node.ts";
import type { ProgressStatus } from "../status.ts";

/**
 * Whether a leader's group has nothing left to do: every member has the whole log and knows it to be
 * committed, no membership change is half done, and everybody was heard of since the last quorum check.
 * A minority of the voters whose processes are known to have ended is not waited for: nothing can be done for them
 * before new ones are heard, and that wakes the group.
 *
 * The last point is what keeps check-quorum from deposing a leader that wakes up: its clock stood still
 * together with those marks, so the first check passes and the next is a whole election timeout away.
 * Reads in progress do not show here: they show as heartbeats with a context, which count as activity.
 */
export function leaderMaySleep(node: RawNode, isGone: (id: number) => boolean): boolean {
  const { committed, confState, lastIndex } = node;
  if (node.role !== "leader" || node.transferTarget !== 0) return false;
  if (committed !== lastIndex || node.applied !== lastIndex) return false;
  if (node.termAt(lastIndex) !== node.term || isJoint(confState)) return false;
  const { voters } = confState;
  if (voters.filter((id) => !isGone(id)).length <= voters.length / 2) return false;
  return node.status().progress.every((member) => isGone(member.id) || hasEverything(member, node));
}

function hasEverything(member: ProgressStatus, node: RawNode): boolean {
  if (member.match !== node.lastIndex) return false;
  return member.id === node.id || (member.state === "replicate" && member.recentActive);
}

/** Whether a follower that was told to sleep by the leader of `term` has all that leader has. */
export function followerMaySleep(node: RawNode, term: number, commit: number): boolean {
  return (
    node.role === "follower" &&
    node.term === term &&
    node.lastIndex === commit &&
    node.committed === commit &&
    node.applied === commit
  );
}

/** Everybody in the group but this node. */
export function otherMembers(node: RawNode): readonly number[] {
  const { voters, votersOutgoing, learners, learnersNext } = node.confState;
  const ids = new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]);
  ids.delete(node.id);
  return [...ids];
}

/** Whether `id` belongs to the node's group. */
export function isMember(node: RawNode, id: number): boolean {
  const { voters, votersOutgoing, learners } = node.confState;
  return voters.includes(id) || learners.includes(id) || votersOutgoing.includes(id);
}

import { candidateDelayTicks } from "./candidate-order.ts";
import type { Group, GroupScheduler } from "./group.ts";
import { isMember } from "./hibernation.ts";
import type { ResolvedOptions } from "./multi-config.ts";

/**
 * The process of a peer is gone, for good or for another one: so is its leadership, and whatever was on
 * its way to it. This looks at every group, asleep or not; it happens once per process that is lost.
 */
export function loseProcess<Owner>(
  groups: readonly Group<Owner>[],
  peerId: number,
  scheduler: GroupScheduler<Owner>,
  options: ResolvedOptions,
): void {
  const lostCount = groups.filter(({ node }) => node.leaderId === peerId).length;
  for (const group of groups) {
    const { node } = group;
    if (node.leaderId === peerId) {
      loseLeader(group, scheduler, options, lostCount);
    }
  }
  rememberProcess(groups, peerId, scheduler);
}

/** What is led here takes care of a peer again whose process was lost, or taken for lost: nothing on its way arrived. */
export function rememberProcess<Owner>(
  groups: Iterable<Group<Owner>>,
  peerId: number,
  scheduler: GroupScheduler<Owner>,
): void {
  for (const group of groups) {
    const { node } = group;
    if (node.role !== "leader" || !isMember(node, peerId)) continue;
    scheduler.activity(group, peerId);
    node.reportUnreachable(peerId);
  }
}

/**
 * A follower whose leader is gone forgets it, whose lease would protect it for ever, and wants another: one of `lostCount`
 * groups that lost theirs at the same time.
 */
export function loseLeader<Owner>(
  group: Group<Owner>,
  scheduler: GroupScheduler<Owner>,
  options: ResolvedOptions,
  lostCount: number,
): void {
  const { node, key } = group;
  const deadId = node.leaderId;
  scheduler.activity(group, deadId);
  node.forgetLeader();
  if (!group.isVoter) return;
  const delayTicks = candidateDelayTicks(options, node.confState, key.groupId, deadId, lostCount);
  scheduler.electionWanted(group, delayTicks);
}

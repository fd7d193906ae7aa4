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
  const lost = groups.filter((group) => isLedBy(group, peerId));
  for (const group of lost) {
    group.isElectionQueued = false; // Whatever it waited for, this is the better reason.
    loseLeader(group, peerId, scheduler, options, lost.length);
  }
  rememberProcess(groups, peerId, scheduler);
}

/**
 * Whether a peer led the group as far as this node knows. One that it doubted it does not follow any more: it waits for its
 * turn to ask for votes, or for its patience to end once more, for it asked in vain.
 */
function isLedBy<Owner>({ doubtedId, node }: Group<Owner>, peerId: number): boolean {
  return (node.leaderId || doubtedId) === peerId;
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
  deadId: number,
  scheduler: GroupScheduler<Owner>,
  options: ResolvedOptions,
  lostCount: number,
): void {
  const { node, key } = group;
  scheduler.activity(group, deadId);
  node.forgetLeader();
  if (!group.isVoter) return;
  const delayTicks = candidateDelayTicks(options, node.confState, key.groupId, deadId, lostCount);
  scheduler.electionWanted(group, delayTicks);
}

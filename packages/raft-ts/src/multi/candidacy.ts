import { allVoters } from "../conf-state.ts";
import type { Group } from "./group.ts";

/**
 * How a node takes part in elections, which its owner knows better than Raft: a node whose disk stands still may
 * win the others' votes and be of no use to them. Whatever it is, the node votes, follows and acknowledges.
 *
 * - `willing`: campaigns as Raft has it.
 * - `reluctant`: leads nothing that another node would lead: it gives leadership up, and campaigns only in groups
 *   that had no leader for long.
 * - `barred`: gives leadership up, and does not campaign.
 *
 * A group whose only voter is this node is led by it in any case.
 */
export type Candidacy = "willing" | "reluctant" | "barred";

/** Whether another node could lead the group in this one's stead. */
export function hasRival<Owner>({ node }: Group<Owner>): boolean {
  return allVoters(node.confState).some((id) => id !== node.id);
}

/** Whether the node may begin an election. `patienceTicks`: how often a reluctant one is denied it first. */
export function mayCampaign<Owner>(
  candidacy: Candidacy,
  group: Group<Owner>,
  patienceTicks: number,
): boolean {
  if (candidacy === "willing" || !hasRival(group)) return true;
  return candidacy === "reluctant" && group.electionsDenied >= patienceTicks;
}

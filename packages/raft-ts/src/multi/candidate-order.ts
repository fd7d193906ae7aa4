import { allVoters } from "../conf-state.ts";
import type { ConfState } from "../conf-state.ts";
import type { ResolvedOptions } from "./multi-config.ts";

/** Ranks that are told apart; who comes later campaigns together with the last of them. */
const RANK_MAX = 2;

/** The longest that {@link candidateDelayTicks} answers. */
export function candidateDelayTicksMax(options: ResolvedOptions): number {
  return options.heartbeatTicks + (RANK_MAX + 1) * options.electionJitterTicks;
}

/**
 * How long this node waits before it campaigns in a group whose leader `deadId` died. The survivors take
 * turns, another one first in each group: one candidate suffices. Even the first waits a heartbeat, for
 * the others cannot give it their vote before they have noticed the death themselves.
 */
export function candidateDelayTicks(
  options: ResolvedOptions,
  conf: ConfState,
  groupId: number,
  deadId: number,
): number {
  const { heartbeatTicks, electionJitterTicks, random, nodeId } = options;
  const survivors = allVoters(conf).filter((id) => id !== deadId);
  const position = Math.max(survivors.indexOf(nodeId), 0);
  const rank = survivors.length === 0 ? 0 : (position + groupId) % survivors.length;
  const turnTicks = Math.min(rank, RANK_MAX) * electionJitterTicks;
  return heartbeatTicks + turnTicks + random(electionJitterTicks);
}

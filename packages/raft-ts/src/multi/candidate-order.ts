import { allVoters } from "../conf-state.ts";
import type { ConfState } from "../conf-state.ts";
import type { ResolvedOptions } from "./multi-config.ts";

/** Ranks that are told apart; who comes later campaigns together with the last of them. */
const RANK_MAX = 2;

/** The longest that {@link candidateDelayTicks} answers. */
export function candidateDelayTicksMax(options: ResolvedOptions): number {
  const { electionJitterTicks, heartbeatTicks } = options;
  return heartbeatTicks + RANK_MAX * (electionJitterTicks + heartbeatTicks) + electionJitterTicks;
}

/**
 * How long this node waits before it campaigns in a group whose leader `deadId` died, one of `lostCount` groups that it
 * led. The survivors take turns, another one first in each group: one candidate suffices. Even the first waits a
 * heartbeat, for the others cannot give it their vote before they have noticed the death themselves. Beyond that it
 * waits for the sake of the others of the `lostCount` only: in its own group it has no rival yet. Who comes next has
 * heard the question of the one before, however late in its turn that asked; see `courtesyTicks`.
 */
export function candidateDelayTicks(
  options: ResolvedOptions,
  conf: ConfState,
  groupId: number,
  deadId: number,
  lostCount: number,
): number {
  const { heartbeatTicks, electionJitterTicks, random, nodeId } = options;
  const survivors = allVoters(conf).filter((id) => id !== deadId);
  const position = Math.max(survivors.indexOf(nodeId), 0);
  const rank = survivors.length === 0 ? 0 : (position + groupId) % survivors.length;
  if (rank === 0) return heartbeatTicks + random(firstTurnTicks(options, lostCount));
  const turnTicks = Math.min(rank, RANK_MAX) * (electionJitterTicks + heartbeatTicks);
  return heartbeatTicks + turnTicks + random(electionJitterTicks);
}

/** So many elections need so many ticks; those that a turn is too short for wait in line. */
function firstTurnTicks(options: ResolvedOptions, lostCount: number): number {
  const { electionJitterTicks, electionsPerTickMax } = options;
  return Math.min(electionJitterTicks, Math.ceil(lostCount / electionsPerTickMax));
}

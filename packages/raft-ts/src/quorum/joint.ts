import type { AckedIndexes, VoteResult } from "./majority.ts";
import { majorityCommittedIndex, majorityVoteResult } from "./majority.ts";

/** The voters of a group. `votersOutgoing` is empty unless the configuration is joint. */
export interface JointVoters {
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
}

/** The highest index that a majority of each half acknowledged; Infinity when there are no voters. */
export function jointCommittedIndex(config: JointVoters, acked: AckedIndexes): number {
  const incoming = majorityCommittedIndex(config.voters, acked);
  if (config.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, majorityCommittedIndex(config.votersOutgoing, acked));
}

/** An election is won when both halves grant it and lost as soon as one half refuses it. */
export function jointVoteResult(
  config: JointVoters,
  votes: ReadonlyMap<number, boolean>,
): VoteResult {
  const incoming = majorityVoteResult(config.voters, votes);
  const outgoing = majorityVoteResult(config.votersOutgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}

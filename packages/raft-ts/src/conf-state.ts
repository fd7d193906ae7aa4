/**
 * Who belongs to the group. Lists are in ascending order and free of duplicates.
 *
 * `votersOutgoing` is not empty exactly while two configurations are in force (joint consensus): votes
 * and commits then need a majority of both. A voter of the outgoing configuration that is to become a
 * learner waits in `learnersNext` until the joint configuration is left.
 */
export interface ConfState {
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
  readonly learnersNext: readonly number[];
  /** Whether the leader proposes to leave the joint configuration as soon as it is applied. */
  readonly autoLeave: boolean;
}

/** A group nobody belongs to: the state of a node that waits to be told by a snapshot. */
export const EMPTY_CONF_STATE: ConfState = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

/** Whether two configurations are in force. */
export function isJoint(conf: ConfState): boolean {
  return conf.votersOutgoing.length > 0;
}

/** Whether `id` votes in either configuration in force. */
export function isVoter(conf: ConfState, id: number): boolean {
  return conf.voters.includes(id) || conf.votersOutgoing.includes(id);
}

/** Every voter of either configuration, in ascending order. */
export function allVoters(conf: ConfState): readonly number[] {
  if (!isJoint(conf)) return conf.voters;
  return ascending(new Set([...conf.voters, ...conf.votersOutgoing]));
}

/** `ids` in ascending order, each once. */
export function ascending(ids: Iterable<number>): readonly number[] {
  return [...new Set(ids)].sort((left, right) => left - right);
}

/** A partition that this broker leads, at one look. */
export interface LedPartition {
  readonly topic: string;
  readonly partition: number;
  /** The leader's term: a look in another one says nothing about this one. */
  readonly term: number;
  readonly committedIndex: number;
  readonly members: readonly MemberProgress[];
}

/** A member of a partition's group, as its leader knows it. */
export interface MemberProgress {
  readonly brokerId: number;
  /** The last entry that it is known to have on its disk. */
  readonly matchIndex: number;
  /** Whether its broker was heard of lately. */
  readonly isAlive: boolean;
}

/** A partition with replicas that would not take over at once. */
export interface UnderReplicatedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly replicaIds: readonly number[];
}

/** Whether a second look is needed before anything is said of the partition. */
export function isSuspect({ committedIndex, members }: LedPartition): boolean {
  return members.some(({ isAlive, matchIndex }) => !isAlive || matchIndex < committedIndex);
}

/**
 * The replicas whose broker is silent, or which at the later look still lack what was committed at the earlier
 * one. Under load every follower is a moment behind; that alone is no lag.
 */
export function underReplicated(
  earlier: LedPartition,
  later: LedPartition | undefined,
): UnderReplicatedPartition | undefined {
  if (later === undefined || later.term !== earlier.term) return undefined;
  const replicaIds = later.members
    .filter(({ isAlive, matchIndex }) => !isAlive || matchIndex < earlier.committedIndex)
    .map(({ brokerId }) => brokerId);
  const { partition, topic } = earlier;
  return replicaIds.length === 0 ? undefined : { topic, partition, replicaIds };
}

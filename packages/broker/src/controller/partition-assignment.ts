/** A partition whose replicas move, or are to (KIP-455). */
export interface PartitionMove {
  /** Where its replicas are to be; the first one is meant to lead. */
  readonly targetIds: readonly number[];
  /** Brokers that hold a replica of neither set: of a target that was given up. */
  readonly leavingIds: readonly number[];
  /** Only a few move at a time; the others wait, and nothing has been done for them. */
  readonly state: "waiting" | "moving";
}

/** Which brokers hold a replica of a partition, and which are to. */
export interface PartitionAssignment {
  /** As long as they move: those before. The first one is meant to lead. */
  readonly replicaIds: readonly number[];
  /** The voters that the partition's Raft group began with. */
  readonly bornIds: readonly number[];
  /** Index of the controller's entry that last said which replicas are wanted; 0: the topic's creation. */
  readonly assignmentId: number;
  /** Holders that came later, and the assignment that brought each: the incarnation of its replica. */
  readonly joined: ReadonlyMap<number, number>;
  readonly move: PartitionMove | undefined;
}

/** The assignment of a new partition. */
export function firstAssignment(replicaIds: readonly number[]): PartitionAssignment {
  return { replicaIds, bornIds: replicaIds, assignmentId: 0, joined: new Map(), move: undefined };
}

/** Every broker that is to have a replica of the partition now, for whatever reason. */
export function holdersOf({ move, replicaIds }: PartitionAssignment): readonly number[] {
  if (move?.state !== "moving") return replicaIds;
  return [...new Set([...replicaIds, ...move.targetIds, ...move.leavingIds])];
}

/** Whether nobody but one broker has the partition. */
export function isLone(partition: PartitionAssignment): boolean {
  return holdersOf(partition).length === 1;
}

/** The replicas that the Raft group is to have, once it has. */
export function wantedOf({ move, replicaIds }: PartitionAssignment): readonly number[] {
  return move?.state === "moving" ? move.targetIds : replicaIds;
}

/** How many replicas a topic's partitions have, or are to have once they have moved. */
export function replicationFactorOf(
  partitions: readonly Pick<PartitionAssignment, "move" | "replicaIds">[],
): number {
  const [first] = partitions;
  return (first?.move?.targetIds ?? first?.replicaIds)?.length ?? 1;
}

/** Replicas that come (KIP-455's `addingReplicas`). */
export function addingIdsOf({ move, replicaIds }: PartitionAssignment): readonly number[] {
  return move?.targetIds.filter((id) => !replicaIds.includes(id)) ?? [];
}

/** Replicas that go (KIP-455's `removingReplicas`). */
export function removingIdsOf({ move, replicaIds }: PartitionAssignment): readonly number[] {
  if (move === undefined) return [];
  return [...replicaIds.filter((id) => !move.targetIds.includes(id)), ...move.leavingIds];
}

/** The assignment that brought a holder's replica; 0: the topic's creation. */
export function joinedAt({ joined }: PartitionAssignment, brokerId: number): number {
  return joined.get(brokerId) ?? 0;
}

/**
 * Wants other replicas, by the controller's entry `index`. The same ones in another order are had at once. A
 * partition that moves already changes its direction; another one waits for its turn.
 */
export function reassigned(
  from: PartitionAssignment,
  targetIds: readonly number[],
  index: number,
): PartitionAssignment {
  if (from.move?.state === "moving") return redirected(from, targetIds, index);
  if (isSameSet(targetIds, from.replicaIds)) {
    return { ...from, replicaIds: targetIds, move: undefined };
  }
  return { ...from, move: { targetIds, leavingIds: [], state: "waiting" } };
}

/** Goes back to the replicas before the move. */
export function cancelled(from: PartitionAssignment, index: number): PartitionAssignment {
  return reassigned(from, from.replicaIds, index);
}

/** The partition's turn has come. */
export function started(from: PartitionAssignment, index: number): PartitionAssignment {
  const { move } = from;
  if (move?.state !== "waiting") return from;
  return withHolders({ ...from, assignmentId: index, move: { ...move, state: "moving" } }, index);
}

/** The Raft group has the members that the assignment wants; `undefined` where it is not the one in force. */
export function completed(
  from: PartitionAssignment,
  assignmentId: number,
): PartitionAssignment | undefined {
  const { move } = from;
  if (move?.state !== "moving" || assignmentId !== from.assignmentId) return undefined;
  return withHolders({ ...from, replicaIds: move.targetIds, move: undefined }, assignmentId);
}

function redirected(
  from: PartitionAssignment,
  targetIds: readonly number[],
  index: number,
): PartitionAssignment {
  const leavingIds = holdersOf(from).filter(
    (id) => !targetIds.includes(id) && !from.replicaIds.includes(id),
  );
  const move: PartitionMove = { targetIds, leavingIds, state: "moving" };
  return withHolders({ ...from, assignmentId: index, move }, index, holdersOf(from));
}

/** Who holds a replica now joined before, or by the entry `index`. */
function withHolders(
  to: PartitionAssignment,
  index: number,
  before: readonly number[] = to.replicaIds,
): PartitionAssignment {
  const joined = new Map<number, number>();
  for (const id of holdersOf(to)) {
    const at = to.joined.get(id) ?? (before.includes(id) ? 0 : index);
    if (at !== 0) joined.set(id, at);
  }
  return { ...to, joined };
}

function isSameSet(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((id) => others.includes(id));
}

/** Whether they are the same replicas, and the same one is meant to lead. */
export function isSameOrder(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((id, at) => id === others[at]);
}

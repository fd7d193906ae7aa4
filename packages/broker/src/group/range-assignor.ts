/** Partitions by topic; numbers ascend. */
export type Assignment = ReadonlyMap<string, readonly number[]>;

/** A member and what it wants to read. */
export interface Subscriber {
  readonly memberId: string;
  readonly topics: readonly string[];
}

/**
 * Kafka's range assignor: the partitions of each topic are dealt in contiguous ranges to the members
 * that subscribe to it, in the order of their ids; the first ones get one more where it does not
 * come out even.
 */
export function assignRanges(
  members: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, Assignment> {
  const assignments = new Map<string, Map<string, number[]>>();
  const ordered = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  for (const { memberId } of ordered) assignments.set(memberId, new Map());
  for (const [topic, partitionCount] of partitionCounts) {
    const subscribers = ordered.filter((member) => member.topics.includes(topic));
    let next = 0;
    for (const [position, { memberId }] of subscribers.entries()) {
      const share =
        Math.floor(partitionCount / subscribers.length) +
        (position < partitionCount % subscribers.length ? 1 : 0);
      const range = Array.from({ length: share }, (_, i) => next + i);
      if (share > 0) assignments.get(memberId)?.set(topic, range);
      next += share;
    }
  }
  return assignments;
}

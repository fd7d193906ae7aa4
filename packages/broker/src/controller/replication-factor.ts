/** A broker, as far as it matters for who gets a replica more and who loses one. */
export interface ReplicaHolder {
  readonly brokerId: number;
  readonly rack: string;
  readonly replicaCount: number;
  /** Whether a new replica may go to it. */
  readonly mayTake: boolean;
  /** Whether what it has is there for others now. */
  readonly isAlive: boolean;
}

/**
 * The replicas of partitions when each has `replicationFactor` of them. Who comes: of a rack that the partition has not
 * got, then with the fewest replicas. Who goes: first who is silent, then one of two in the same rack, then with the most
 * replicas. What stays keeps its order, and with it who is meant to lead, as long as that one is alive. There must be enough
 * brokers that may take one. Pure.
 */
export function withReplicationFactor(
  brokers: readonly ReplicaHolder[],
  partitions: readonly (readonly number[])[],
  replicationFactor: number,
): number[][] {
  const holders = new Map(brokers.map((each) => [each.brokerId, each]));
  const counts = new Map(brokers.map((each) => [each.brokerId, each.replicaCount]));
  return partitions.map((replicaIds) => {
    const ids = [...replicaIds];
    while (ids.length > replicationFactor) {
      const going = goingOf(ids, holders, counts);
      ids.splice(ids.indexOf(going), 1);
      counts.set(going, (counts.get(going) ?? 0) - 1);
    }
    while (ids.length < replicationFactor) {
      const coming = comingOf(ids, holders, counts);
      if (coming === undefined) break;
      ids.push(coming);
      counts.set(coming, (counts.get(coming) ?? 0) + 1);
    }
    return ids;
  });
}

function comingOf(
  ids: readonly number[],
  holders: ReadonlyMap<number, ReplicaHolder>,
  counts: ReadonlyMap<number, number>,
): number | undefined {
  const candidates = [...holders.values()].filter(
    ({ brokerId, mayTake }) => mayTake && !ids.includes(brokerId),
  );
  const [best] = candidates.toSorted(
    (a, b) =>
      rackMates(ids, a, holders) - rackMates(ids, b, holders) ||
      (counts.get(a.brokerId) ?? 0) - (counts.get(b.brokerId) ?? 0) ||
      a.brokerId - b.brokerId,
  );
  return best?.brokerId;
}

function goingOf(
  ids: readonly number[],
  holders: ReadonlyMap<number, ReplicaHolder>,
  counts: ReadonlyMap<number, number>,
): number {
  const isAlive = (id: number): boolean => holders.get(id)?.isAlive === true;
  const matesOf = (id: number): number => {
    const holder = holders.get(id);
    return holder === undefined ? 0 : rackMates(ids, holder, holders);
  };
  // Who leads and lives goes only when nobody else is left.
  const isLead = (id: number): boolean => id === ids[0] && isAlive(id);
  const [worst] = ids.toSorted(
    (a, b) =>
      Number(isLead(a)) - Number(isLead(b)) ||
      Number(isAlive(a)) - Number(isAlive(b)) ||
      matesOf(b) - matesOf(a) ||
      (counts.get(b) ?? 0) - (counts.get(a) ?? 0) ||
      b - a,
  );
  return worst ?? 0;
}

/** Others of the partition in the rack of a broker. */
function rackMates(
  ids: readonly number[],
  { brokerId, rack }: ReplicaHolder,
  holders: ReadonlyMap<number, ReplicaHolder>,
): number {
  return ids.filter((id) => id !== brokerId && holders.get(id)?.rack === rack).length;
}

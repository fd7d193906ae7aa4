/** A broker that may hold replicas. */
export interface PlacementCandidate {
  readonly brokerId: number;
  readonly rack: string;
  readonly alive: boolean;
  /** Replicas it holds already. */
  readonly replicaCount: number;
  /** Partitions of the topic that it is meant to lead already; none where the topic is new. */
  readonly leadCount?: number;
}

/**
 * Chooses the replicas of new partitions: living brokers before silent ones, different racks before
 * the same one, then those with the fewest replicas. The first replica of each partition is meant to
 * lead it; leads rotate. `replicationFactor` must not exceed the number of candidates.
 */
export function placePartitions(
  candidates: readonly PlacementCandidate[],
  partitionCount: number,
  replicationFactor: number,
): number[][] {
  const load = new Map(candidates.map((broker) => [broker.brokerId, broker.replicaCount]));
  const leads = new Map(candidates.map(({ brokerId, leadCount = 0 }) => [brokerId, leadCount]));
  const placements: number[][] = [];
  for (let partition = 0; partition < partitionCount; partition += 1) {
    const replicas = chooseReplicas(candidates, load, replicationFactor);
    rotateLead(replicas, leads, candidates);
    for (const brokerId of replicas) load.set(brokerId, (load.get(brokerId) ?? 0) + 1);
    placements.push(replicas);
  }
  return placements;
}

function chooseReplicas(
  candidates: readonly PlacementCandidate[],
  load: ReadonlyMap<number, number>,
  replicationFactor: number,
): number[] {
  const chosen: PlacementCandidate[] = [];
  const left = [...candidates];
  while (chosen.length < replicationFactor) {
    const racksUsed = new Map<string, number>();
    for (const { rack } of chosen) racksUsed.set(rack, (racksUsed.get(rack) ?? 0) + 1);
    left.sort(
      (a, b) =>
        Number(b.alive) - Number(a.alive) ||
        (racksUsed.get(a.rack) ?? 0) - (racksUsed.get(b.rack) ?? 0) ||
        (load.get(a.brokerId) ?? 0) - (load.get(b.brokerId) ?? 0) ||
        a.brokerId - b.brokerId,
    );
    const next = left.shift();
    if (next === undefined) break;
    chosen.push(next);
  }
  return chosen.map((broker) => broker.brokerId);
}

/** Puts the living replica with the fewest leads first. */
function rotateLead(
  replicas: number[],
  leads: Map<number, number>,
  candidates: readonly PlacementCandidate[],
): void {
  const alive = new Set(candidates.filter((b) => b.alive).map((b) => b.brokerId));
  const rank = (id: number): number => (alive.has(id) ? 0 : 1e9) + (leads.get(id) ?? 0);
  replicas.sort((a, b) => rank(a) - rank(b) || a - b);
  const [lead] = replicas;
  if (lead !== undefined) leads.set(lead, (leads.get(lead) ?? 0) + 1);
}

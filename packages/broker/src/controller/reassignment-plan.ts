import { BrokerLoads, type PlanBroker } from "./broker-loads.ts";
import { balanceBytes } from "./byte-balance.ts";
import type { PlannedPartition } from "./planned-partition.ts";

/** Where a partition is to be. */
export interface PlannedChange<Partition extends PlannedPartition> {
  readonly partition: Partition;
  readonly replicaIds: readonly number[];
}

/**
 * A plan that brings replicas to usable brokers, to different racks as far as there are enough, and to an even number
 * for each broker; then an even number of bytes, where these are known, and of leads. It moves what it must, and what evens out. Pure, and quick for a million partitions.
 *
 * First every replica that must leave its broker, or beside another one in its rack without need, moves to the least
 * loaded broker of a rack that the partition has not got. Then brokers with more than their share give to those with
 * less, each move once. Then large replicas are exchanged for small ones. Leads only change the order of the replicas, which moves nothing.
 */
export function planReassignment<Partition extends PlannedPartition>(
  brokers: readonly PlanBroker[],
  partitions: readonly Partition[],
  scope: "repair" | "balance" = "balance",
): PlannedChange<Partition>[] {
  const loads = new BrokerLoads(brokers);
  if (loads.usableCount === 0) return [];
  const placed = partitions.map(({ replicaIds }) => [...replicaIds]);
  for (const [at, { bytes }] of partitions.entries()) loads.addAll(placed[at] ?? [], bytes);
  loads.settle();
  forEachFree(partitions, placed, (replicaIds, { bytes }) => repair(loads, replicaIds, bytes));
  if (scope === "balance") {
    balance(loads, partitions, placed);
    balanceBytes(brokers, partitions, placed);
    balanceLeads(loads, partitions, placed);
  }
  return partitions.flatMap((partition, at) => {
    const replicaIds = placed[at] ?? [];
    const isSame = replicaIds.every((id, position) => id === partition.replicaIds[position]);
    return isSame ? [] : { partition, replicaIds };
  });
}

function balance(
  loads: BrokerLoads,
  partitions: readonly PlannedPartition[],
  placed: readonly number[][],
): void {
  for (const compared of ["cluster", "rack"] as const) {
    loads.compareIn(compared);
    forEachFree(partitions, placed, (replicaIds, { bytes }) => even(loads, replicaIds, bytes));
  }
}

function forEachFree(
  partitions: readonly PlannedPartition[],
  placed: readonly number[][],
  act: (replicaIds: number[], partition: PlannedPartition) => void,
): void {
  for (const [at, partition] of partitions.entries()) {
    if (!partition.isFixed) act(placed[at] ?? [], partition);
  }
}

/** Replaces replicas that must not stay where they are; one that has nowhere to go stays. */
function repair(loads: BrokerLoads, replicaIds: number[], bytes: number): void {
  for (const [position, id] of replicaIds.entries()) {
    const mustGo = loads.mustLeave(id);
    if (!mustGo && loads.isAlone(replicaIds, position)) continue;
    const to = loads.placeFor(replicaIds, position, !mustGo);
    if (to !== undefined) moveTo(loads, replicaIds, position, to, bytes);
  }
}

/** Moves replicas of brokers above their share to brokers below theirs, where the racks allow it. */
function even(loads: BrokerLoads, replicaIds: number[], bytes: number): void {
  if (loads.isEven) return;
  for (let position = 0; position < replicaIds.length; position++) {
    const to = loads.evenerPlaceFor(replicaIds, position);
    if (to !== undefined) moveTo(loads, replicaIds, position, to, bytes);
  }
}

function moveTo(
  loads: BrokerLoads,
  replicaIds: number[],
  position: number,
  to: number,
  bytes: number,
): void {
  loads.move(replicaIds[position] ?? 0, to, bytes);
  replicaIds[position] = to;
}

/** Rounds over all partitions in which a lead may find a broker that has fewer. */
const leadRoundsMax = 4;

function balanceLeads(
  loads: BrokerLoads,
  partitions: readonly PlannedPartition[],
  placed: readonly number[][],
): void {
  const leads = new Map<number, number>();
  const countOf = (id: number): number => leads.get(id) ?? 0;
  for (const [lead = 0] of placed) leads.set(lead, countOf(lead) + 1);
  const share = Math.ceil(partitions.length / loads.usableCount);
  for (let round = 0; round < leadRoundsMax; round++) {
    let hasChanged = false;
    forEachFree(partitions, placed, (replicaIds) => {
      const [lead = 0] = replicaIds;
      if (loads.isUsable(lead) && countOf(lead) <= share) return;
      const others = replicaIds.filter((id) => loads.isUsable(id));
      const fewest = others.reduce((a, b) => (countOf(b) < countOf(a) ? b : a), others[0] ?? lead);
      if (fewest === lead || (loads.isUsable(lead) && countOf(fewest) + 1 >= countOf(lead))) return;
      leads.set(lead, countOf(lead) - 1);
      leads.set(fewest, countOf(fewest) + 1);
      replicaIds[replicaIds.indexOf(fewest)] = lead;
      replicaIds[0] = fewest;
      hasChanged = true;
    });
    if (!hasChanged) return;
  }
}

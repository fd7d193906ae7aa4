import process from "node:process";
import { expect, test } from "vitest";
import type { PlannedPartition } from "./planned-partition.ts";
import { planReassignment } from "./reassignment-plan.ts";

/*
 * A cluster of 1,000 brokers in 20 racks with a million partitions of three replicas loses a rack: how long a plan
 * takes, and how much more it moves than it must. To reach: 5 s, and 5 % above the lower bound.
 *
 * On two cores that others used, too (not quiet): 2.5 s, 150,000 moves where 150,000 is the least, 3,157 to 3,158
 * replicas and 1,036 to 1,054 leads a broker.
 */

/** `npm test` runs this with next to nothing to do, so that it cannot rot. */
const isTiny = process.env["ROPEWALK_BENCH_TINY"] !== undefined;
const brokerCount = isTiny ? 100 : 1000;
const rackCount = 20;
const partitionCount = isTiny ? 10_000 : 1_000_000;

const brokers = Array.from({ length: brokerCount }, (_, at) => ({
  brokerId: at + 1,
  rack: `rack ${at % rackCount}`,
  isUsable: at % rackCount !== 0,
  mustLeave: at % rackCount === 0,
}));

/** Replicas of different racks, evenly. */
const partitions: PlannedPartition[] = Array.from({ length: partitionCount }, (_, id) => ({
  id,
  replicaIds: [0, 7, 14].map(
    (step) => ((id + step + Math.floor(id / brokerCount)) % brokerCount) + 1,
  ),
  bytes: 0,
  isFixed: false,
}));

const isLost = (id: number): boolean => brokers[id - 1]?.isUsable !== true;
/** What is in the lost rack has to move, and the rest need not: what it had is spread evenly over the others. */
const lowerBound = partitions.flatMap(({ replicaIds }) =>
  replicaIds.filter((id) => isLost(id)),
).length;

test(`a plan after one of 20 racks is lost, ${brokerCount} brokers, ${partitionCount} partitions`, () => {
  const startMs = performance.now();
  const plan = planReassignment(brokers, partitions);
  const planMs = performance.now() - startMs;
  const moveCount = plan.reduce((sum, { partition, replicaIds }) => {
    return sum + replicaIds.filter((id) => !partition.replicaIds.includes(id)).length;
  }, 0);
  const leads = Array.from({ length: brokerCount + 1 }, () => 0);
  const loads = Array.from({ length: brokerCount + 1 }, () => 0);
  const placed = new Map(plan.map((each) => [each.partition.id, each.replicaIds]));
  for (const { id, replicaIds } of partitions) {
    const [lead = 0] = placed.get(id) ?? replicaIds;
    leads[lead] = (leads[lead] ?? 0) + 1;
    for (const brokerId of placed.get(id) ?? replicaIds) {
      loads[brokerId] = (loads[brokerId] ?? 0) + 1;
    }
  }
  process.stdout.write(
    `${planMs.toFixed(0)} ms, ${moveCount} moves (at least ${lowerBound}), ` +
      `replicas ${spread(loads)}, leads ${spread(leads)} per broker\n`,
  );
  expect(loads.filter((count) => count > 0)).toHaveLength(brokerCount - brokerCount / rackCount);
  expect(moveCount).toBeLessThanOrEqual(lowerBound * 1.05);
  expect(planMs).toBeLessThanOrEqual(5000);
}, 60_000);

function spread(counts: readonly number[]): string {
  const used = counts.filter((count) => count > 0);
  return `${Math.min(...used)}–${Math.max(...used)}`;
}

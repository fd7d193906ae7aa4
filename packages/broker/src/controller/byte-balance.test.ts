import { describe, expect, test } from "vitest";
import type { PlanBroker } from "./broker-loads.ts";
import { balanceBytes } from "./byte-balance.ts";
import type { PlannedPartition } from "./planned-partition.ts";

function broker(brokerId: number, rack = "", isUsable = true): PlanBroker {
  return { brokerId, rack, isUsable, mustLeave: !isUsable };
}

function partition(id: number, bytes: number, ...replicaIds: number[]): PlannedPartition {
  return { id, replicaIds, bytes, isFixed: false };
}

/** Where the replicas are afterwards, and what each broker has. */
function balanced(brokers: readonly PlanBroker[], partitions: readonly PlannedPartition[]) {
  const placed = partitions.map(({ replicaIds }) => [...replicaIds]);
  balanceBytes(brokers, partitions, placed);
  const bytes = brokers.map(({ brokerId }) =>
    partitions.reduce(
      (sum, each, at) => sum + (placed[at]?.includes(brokerId) ? each.bytes : 0),
      0,
    ),
  );
  const counts = brokers.map(
    ({ brokerId }) => placed.flat().filter((id) => id === brokerId).length,
  );
  return { placed, bytes, counts };
}

describe("balanceBytes()", () => {
  test("exchanges large replicas for small ones, so that brokers hold as many as before", () => {
    const brokers = [broker(1), broker(2)];
    const large = [0, 1, 2, 3].map((id) => partition(id, 100, 1));
    const small = [4, 5, 6, 7].map((id) => partition(id, 10, 2));
    const { bytes, counts } = balanced(brokers, [...large, ...small]);
    expect(bytes).toEqual([220, 220]);
    expect(counts).toEqual([4, 4]);
  });

  test("leaves alone what differs by little, and what nobody knows the size of", () => {
    const brokers = [broker(1), broker(2)];
    const little = [partition(0, 100, 1), partition(1, 90, 2)];
    expect(balanced(brokers, little).placed).toEqual([[1], [2]]);
    const unknown = [partition(0, 0, 1), partition(1, 0, 1), partition(2, 0, 1)];
    expect(balanced(brokers, unknown).placed).toEqual([[1], [1], [1]]);
  });

  test("never puts two replicas of a partition on one broker, nor into one rack", () => {
    const brokers = [broker(1, "a"), broker(2, "b"), broker(3, "c"), broker(4, "c")];
    const partitions = Array.from({ length: 20 }, (_, id) =>
      partition(id, id < 10 ? 100 : 1, 1, id % 2 === 0 ? 2 : 3),
    );
    const rackOf = (id: number) => brokers.find(({ brokerId }) => brokerId === id)?.rack;
    for (const ids of balanced(brokers, partitions).placed) {
      expect(new Set(ids.map(rackOf)).size).toBe(2);
    }
  });

  test("touches neither fixed partitions nor brokers that may take nothing", () => {
    const brokers = [broker(1), broker(2, "", false), broker(3)];
    const fixed = [0, 1].map((id) => ({ ...partition(id, 100, 1), isFixed: true }));
    const partitions = [...fixed, partition(2, 10, 2), partition(3, 10, 3)];
    expect(balanced(brokers, partitions).placed).toEqual([[1], [1], [2], [3]]);
  });

  test("stops where one partition is larger than any share", () => {
    const brokers = [broker(1), broker(2)];
    const partitions = [partition(0, 1000, 1), partition(1, 1, 2)];
    expect(balanced(brokers, partitions).placed).toEqual([[1], [2]]);
  });
});

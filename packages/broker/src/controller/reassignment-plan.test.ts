import { describe, expect, test } from "vitest";
import type { PlanBroker } from "./broker-loads.ts";
import type { PlannedPartition } from "./planned-partition.ts";
import { planReassignment } from "./reassignment-plan.ts";

function broker(brokerId: number, rack = "", isUsable = true): PlanBroker {
  return { brokerId, rack, isUsable, mustLeave: !isUsable };
}

function partition(id: number, ...replicaIds: number[]): PlannedPartition {
  return { id, replicaIds, bytes: 0, isFixed: false };
}

/** What every partition has after the plan. */
function after(
  brokers: readonly PlanBroker[],
  partitions: readonly PlannedPartition[],
): (readonly number[])[] {
  const planned = planReassignment(brokers, partitions);
  const changes = new Map(planned.map((each) => [each.partition.id, each.replicaIds]));
  return partitions.map(({ id, replicaIds }) => changes.get(id) ?? replicaIds);
}

function movedCount(
  partitions: readonly PlannedPartition[],
  placed: readonly (readonly number[])[],
): number {
  const came = placed.map((ids, at) =>
    ids.filter((id) => !partitions[at]?.replicaIds.includes(id)),
  );
  return came.flat().length;
}

function counts(ids: readonly (number | undefined)[]): number[] {
  const byBroker = Map.groupBy(ids, (id) => id);
  return [...byBroker].toSorted(([a = 0], [b = 0]) => a - b).map(([, each]) => each.length);
}

describe("planReassignment()", () => {
  test("leaves alone what is even", () => {
    const brokers = [broker(1), broker(2), broker(3)];
    const partitions = [partition(0, 1, 2), partition(1, 2, 3), partition(2, 3, 1)];
    expect(planReassignment(brokers, partitions)).toEqual([]);
  });

  test("gives a broker that came its share, and moves no more than that", () => {
    const brokers = [1, 2, 3, 4].map((id) => broker(id));
    const partitions = Array.from({ length: 12 }, (_, id) => partition(id, 1, 2, 3));
    const placed = after(brokers, partitions);
    expect(counts(placed.flat())).toEqual([9, 9, 9, 9]);
    expect(movedCount(partitions, placed)).toBe(9);
    expect(counts(placed.map(([lead]) => lead))).toEqual([3, 3, 3, 3]);
    for (const ids of placed) expect(new Set(ids).size).toBe(3);
  });

  test("moves what is at brokers that are gone or unusable, to racks that the partition lacks", () => {
    const brokers = [broker(1, "a"), broker(2, "b"), broker(3, "c", false), broker(4, "c")];
    const partitions = [partition(0, 3, 1, 2), partition(1, 1, 2, 9)];
    const placed = after(brokers, partitions);
    for (const ids of placed) {
      const racks = ids.map((id) => brokers.find(({ brokerId }) => brokerId === id)?.rack);
      expect(new Set(racks)).toEqual(new Set(["a", "b", "c"]));
      expect(ids).toContain(4);
    }
    expect(movedCount(partitions, placed)).toBe(2);
  });

  test("takes replicas apart that share a rack, where another rack is free", () => {
    const brokers = [broker(1, "a"), broker(2, "a"), broker(3, "b")];
    expect(after(brokers, [partition(0, 1, 2)])[0]).toContain(3);
  });

  test("puts two replicas into one rack where there is no other", () => {
    const brokers = [broker(1, "a"), broker(2, "a"), broker(3, "a", false)];
    expect(after(brokers, [partition(0, 3, 1)])[0]?.toSorted()).toEqual([1, 2]);
  });

  test("leaves a replica where it is that has nowhere to go", () => {
    const brokers = [broker(1), broker(2), broker(3, "", false)];
    expect(planReassignment(brokers, [partition(0, 1, 2, 3)])).toEqual([]);
  });

  test("does not touch partitions that are fixed, and counts them", () => {
    const brokers = [broker(1), broker(2)];
    const fixed = [0, 1, 2].map((id) => ({ ...partition(id, 1), isFixed: true }));
    const placed = after(brokers, [...fixed, partition(3, 1), partition(4, 1), partition(5, 2)]);
    expect(counts(placed.flat())).toEqual([3, 3]);
    expect(placed.slice(0, 3)).toEqual([[1], [1], [1]]);
  });

  test("prefers the broker with fewer bytes among those with as many replicas", () => {
    const brokers = [broker(1), broker(2), broker(3), broker(4, "", false)];
    const heavy = { ...partition(0, 1), bytes: 1000 };
    const light = [
      { ...partition(1, 2), bytes: 10 },
      { ...partition(2, 3), bytes: 20 },
    ];
    expect(after(brokers, [heavy, ...light, partition(3, 4)])[3]).toEqual([2]);
  });

  test("evens out within a rack that has to hold more than the others", () => {
    const brokers = [broker(1, "a"), broker(2, "b"), broker(3, "b"), broker(4, "b")];
    const partitions = Array.from({ length: 6 }, (_, id) => partition(id, 1, 2));
    expect(counts(after(brokers, partitions).flat())).toEqual([6, 2, 2, 2]);
  });

  test("only repairs where no more is wanted, and leaves alone what is silent for now", () => {
    const silent = { ...broker(3), isUsable: false, mustLeave: false };
    const brokers = [broker(1), broker(2, "", false), silent, broker(4)];
    const partitions = [partition(0, 2, 3), partition(1, 1, 3), partition(2, 1, 3)];
    const plan = planReassignment(brokers, partitions, "repair");
    expect(plan).toEqual([{ partition: partitions[0], replicaIds: [4, 3] }]);
  });
});

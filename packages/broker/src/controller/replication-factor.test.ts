import { describe, expect, test } from "vitest";
import { type ReplicaHolder, withReplicationFactor } from "./replication-factor.ts";

function holder(brokerId: number, rest: Partial<ReplicaHolder> = {}): ReplicaHolder {
  return { brokerId, rack: "", replicaCount: 0, mayTake: true, isAlive: true, ...rest };
}

describe("withReplicationFactor()", () => {
  test("adds replicas behind those that are there, evenly", () => {
    const brokers = [1, 2, 3, 4].map((id) => holder(id, { replicaCount: id <= 2 ? 4 : 0 }));
    const partitions = [[1], [2], [1], [2]];
    expect(withReplicationFactor(brokers, partitions, 2)).toEqual([
      [1, 3],
      [2, 4],
      [1, 3],
      [2, 4],
    ]);
  });

  test("adds them in racks that the partition has not got, and never at brokers that take none", () => {
    const brokers = [
      holder(1, { rack: "a" }),
      holder(2, { rack: "a" }),
      holder(3, { rack: "b", replicaCount: 100 }),
      holder(4, { rack: "c", mayTake: false }),
    ];
    expect(withReplicationFactor(brokers, [[1]], 2)).toEqual([[1, 3]]);
    expect(withReplicationFactor(brokers, [[1]], 3)).toEqual([[1, 3, 2]]);
  });

  test("takes away who is silent, then one of two in a rack, then who has the most, and keeps who leads", () => {
    const brokers = [
      holder(1, { rack: "a", replicaCount: 100 }),
      holder(2, { rack: "a" }),
      holder(3, { rack: "b", replicaCount: 5 }),
      holder(4, { rack: "c", isAlive: false }),
    ];
    expect(withReplicationFactor(brokers, [[1, 2, 3, 4]], 3)).toEqual([[1, 2, 3]]);
    expect(withReplicationFactor(brokers, [[1, 2, 3]], 2)).toEqual([[1, 3]]);
    expect(withReplicationFactor(brokers, [[2, 1, 3]], 1)).toEqual([[2]]);
    expect(withReplicationFactor(brokers, [[4, 1, 3]], 2)).toEqual([[1, 3]]);
  });

  test("leaves alone what has as many already", () => {
    expect(withReplicationFactor([holder(1), holder(2)], [[2, 1]], 2)).toEqual([[2, 1]]);
  });
});

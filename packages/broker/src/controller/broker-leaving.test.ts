import { describe, expect, test } from "vitest";
import { sampleBroker as broker } from "../../fakes/sample-broker.ts";
import { type BrokerImage } from "./broker-life.ts";
import { firstAssignment, type PartitionMove } from "./partition-assignment.ts";
import { decommissionFault, drainFault, isEmptied, type LeavingImage } from "./broker-leaving.ts";

/** A cluster with a topic of one partition. */
function cluster(
  brokers: readonly BrokerImage[],
  replicaIds: readonly number[],
  move?: PartitionMove,
): LeavingImage {
  const assignment = { ...firstAssignment(replicaIds), move };
  const partitions = [{ partition: 0, groupId: 2, incarnation: 1, ...assignment }];
  const topic = {
    name: "orders",
    topicId: "id",
    internal: false,
    configs: new Map(),
    partitions,
    incarnation: 1,
  };
  return {
    brokers: new Map(brokers.map((each) => [each.brokerId, each])),
    topics: new Map([["orders", topic]]),
  };
}

const three = [broker(1), broker(2), broker(3)];

describe("drainFault()", () => {
  test("lets a broker go whose partitions and metadata keep a majority without it", () => {
    expect(drainFault(cluster(three, [1, 2, 3]), 1, [1, 2, 3])).toBeUndefined();
    expect(drainFault(cluster(three, [2]), 1, [1, 2, 3])).toBeUndefined();
  });

  test("names the partition that would lose its majority, and what it has left", () => {
    const drained = [broker(1), broker(2), broker(3, { duty: "drained" })];
    expect(drainFault(cluster(drained, [1, 2, 3]), 1, [1, 2, 3])).toContain(
      "orders-0 would have 1 of its 3 replicas left (broker 2), and needs 2",
    );
    expect(drainFault(cluster(three, [1]), 1, [1, 2, 3])).toContain(
      "orders-0 would have 0 of its 1 replicas left (none), and needs 1",
    );
  });

  test("counts brokers that are silent as gone, for the metadata, too", () => {
    const silent = [broker(1), broker(2), broker(3, { fenced: true })];
    expect(drainFault(cluster(silent, []), 1, [1, 2, 3])).toContain(
      "metadata would have 1 of its 3 voters left (broker 2), and needs 2",
    );
    expect(drainFault(cluster(silent, []), 3, [1, 2, 3])).toBeUndefined();
  });
});

describe("decommissionFault()", () => {
  test("needs other brokers for every replica", () => {
    const four = [...three, broker(4)];
    expect(decommissionFault(cluster(four, [1, 2, 3]), broker(1), [2, 3, 4])).toBeUndefined();
    expect(decommissionFault(cluster(three, [1, 2, 3]), broker(1), [2, 3])).toContain(
      "orders-0 has 3 replicas, and 2 other brokers could hold them",
    );
    expect(decommissionFault(cluster([broker(1)], [1]), broker(1), [])).toContain(
      "no other broker",
    );
  });

  test("counts the replicas that a partition is to have", () => {
    const move = { targetIds: [1, 2, 3], leavingIds: [], state: "moving" } as const;
    expect(decommissionFault(cluster(three, [1, 2], move), broker(3), [1, 2])).toContain(
      "orders-0 gets 3 replicas, and 2 other brokers could hold them",
    );
  });

  test("refuses a dead broker that a partition has no majority without", () => {
    const dead = broker(1, { fenced: true });
    const brokers = [dead, broker(2), broker(3)];
    expect(decommissionFault(cluster(brokers, [1, 2]), dead, [2, 3])).toContain("needs 2");
  });

  test("refuses a broker without which the metadata has no majority of voters that serve", () => {
    for (const life of [{ fenced: true }, { duty: "drained" }] as const) {
      const brokers = [broker(1), broker(2), broker(3, life)];
      expect(decommissionFault(cluster(brokers, [1]), broker(1), [2, 3])).toContain(
        "metadata would have 1 of its 2 voters left (broker 2), and needs 2",
      );
    }
    expect(decommissionFault(cluster(three, [1]), broker(1), [2, 3])).toBeUndefined();
  });
});

describe("isEmptied()", () => {
  test("counts replicas that are to come, and those that are to go and have not gone yet", () => {
    const move = { targetIds: [3], leavingIds: [4], state: "moving" } as const;
    const image = cluster([...three, broker(4), broker(5)], [1, 2], move);
    expect([1, 2, 3, 4, 5].map((id) => isEmptied(image, id))).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });
});

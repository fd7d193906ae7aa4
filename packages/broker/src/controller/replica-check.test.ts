import { expect, test } from "vitest";
import { type BrokerImage, type BrokerLife, newBrokerLife } from "./broker-life.ts";
import { firstAssignment } from "./partition-assignment.ts";
import { checkReplicas } from "./replica-check.ts";

function broker(brokerId: number, life: Partial<BrokerLife> = {}): BrokerImage {
  return {
    brokerId,
    directoryId: `d${brokerId}`,
    rack: "",
    version: "0.1.0",
    startCount: 1,
    diskCapacityBytes: 1,
    featureLevels: { min: 1, max: 1 },
    client: { host: "h", port: 1 },
    peer: { host: "h", port: 2 },
    ...newBrokerLife,
    ...life,
  };
}

/** Checks replicas for a partition that lies on brokers 1 to 3, where broker 4 lives like this. */
function check(replicaIds: readonly number[], life: Partial<BrokerLife>, silentId = 0): void {
  const brokers = [broker(1), broker(2), broker(3, { duty: "drained" }), broker(4, life)];
  checkReplicas({
    topic: "t",
    image: { partition: 0, groupId: 2, incarnation: 1, ...firstAssignment([1, 2, 3]) },
    replicaIds,
    brokers: new Map(brokers.map((each) => [each.brokerId, each])),
    isAlive: (id) => id !== silentId,
  });
}

test("checkReplicas() refuses new replicas at brokers that take none, and says why they do not", () => {
  expect(() => check([1, 2, 4], { duty: "drained" })).toThrow("broker 4 is drained");
  expect(() => check([1, 2, 4], { duty: "decommissioned" })).toThrow("broker 4 is decommissioned");
  expect(() => check([1, 2, 4], { fenced: true })).toThrow("broker 4 is fenced");
  expect(() => check([1, 2, 4], {}, 4)).toThrow("broker 4 is silent");
  expect(() => check([1, 2, 4], {})).not.toThrow();
});

test("checkReplicas() lets a replica stay at a broker that takes no new ones", () => {
  expect(() => check([3, 2, 4], {})).not.toThrow();
});

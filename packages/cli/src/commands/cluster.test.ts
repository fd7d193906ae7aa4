import { expect, test } from "vitest";

import { clusterProblems } from "./cluster.ts";

const broker = {
  brokerId: 1,
  host: "a",
  port: 7700,
  rack: "",
  alive: true,
  version: "0.1.0",
  ledPartitionCount: 1,
  replicaCount: 1,
  state: "ACTIVE",
  directoryId: "d",
  startCount: 1,
  diskCapacityBytes: 0,
  controllerRole: "VOTER",
  featureLevelMin: 1,
  featureLevelMax: 1,
} as const;
const healthy = {
  clusterId: "c",
  controllerId: 1,
  brokerId: 1,
  topicCount: 1,
  partitionCount: 1,
  brokers: [broker],
  leaderless: [],
  featureLevel: 1,
};

test("clusterProblems() finds none in a healthy cluster", () => {
  expect(clusterProblems(healthy)).toEqual([]);
});

test("clusterProblems() names the controller, silent brokers and partitions without a leader", () => {
  const leaderless = Array.from({ length: 7 }, (_, partition) => ({ topic: "orders", partition }));
  const brokers = [broker, { ...broker, brokerId: 2, host: "b", alive: false }];
  expect(clusterProblems({ ...healthy, controllerId: 0, brokers, leaderless })).toEqual([
    "there is no controller",
    "broker 2 (b:7700) is silent",
    "7 partitions have no leader (orders/0, orders/1, orders/2, orders/3, orders/4, …)",
  ]);
});

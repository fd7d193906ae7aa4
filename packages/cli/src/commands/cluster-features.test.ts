import type { BrokerDescription, DescribeClusterResponse } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { formatFeatures } from "./cluster-features.ts";

function clusterOf(featureLevel: number, known: readonly number[]): DescribeClusterResponse {
  const brokers = known.map((featureLevelMax, at): BrokerDescription => ({
    brokerId: at + 1,
    host: "h",
    port: 7700,
    rack: "",
    alive: true,
    version: `0.${featureLevelMax}.0`,
    ledPartitionCount: 0,
    replicaCount: 0,
    state: "ACTIVE",
    directoryId: "d",
    startCount: 1,
    diskCapacityBytes: 0,
    controllerRole: "VOTER",
    featureLevelMin: 1,
    featureLevelMax,
    peerHost: "h",
    peerPort: 7710,
  }));
  return {
    clusterId: "c",
    controllerId: 1,
    brokerId: 1,
    brokers,
    leaderless: [],
    topicCount: 0,
    partitionCount: 0,
    featureLevel,
  };
}

test("formatFeatures() shows what each broker knows, and what holds the cluster up", () => {
  const shown = formatFeatures(clusterOf(1, [2, 1, 2]));
  expect(shown).toContain("0.2.0    1-2");
  expect(shown).toContain("at feature level 1; brokers 2 know no higher one");
});

test("formatFeatures() names the command where every broker knows more", () => {
  expect(formatFeatures(clusterOf(1, [2, 3]))).toContain(
    "every broker knows 2: ropewalk cluster upgrade",
  );
  expect(formatFeatures(clusterOf(2, [2, 2]))).toContain(
    "level 2, the highest that its brokers know",
  );
});

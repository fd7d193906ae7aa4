import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterService, configService, produceService, topicService } from "@ropewalk/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf, configOf, connect, localhost, runtime } from "../fakes/own-broker.ts";
import { Broker } from "./broker.ts";
import type { BrokerConfig } from "./config.ts";

/** Twelve ports, three of each broker, below those that the system gives to outgoing connections. */
const firstPort = 11_000 + (process.pid % 80) * 12;
const address = (port: number) => ({ host: localhost, port });
const portsOf = (id: number) => ({
  client: firstPort + (id - 1) * 3,
  peer: firstPort + (id - 1) * 3 + 1,
  http: firstPort + (id - 1) * 3 + 2,
});

/** What a version says of itself. */
type Version = Pick<BrokerConfig, "featureLevels" | "peerVersions">;

const older: Version = { featureLevels: { min: 1, max: 1 }, peerVersions: { min: 1, max: 1 } };
const newer: Version = { featureLevels: { min: 1, max: 2 }, peerVersions: { min: 1, max: 2 } };

const running = new Map<number, Broker>();
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ropewalk-mixed-"));
});

afterEach(async () => {
  await Promise.all([...running.values()].map((broker) => broker.stop()));
  running.clear();
  rmSync(directory, { recursive: true, force: true });
});

async function start(id: number, version: Version): Promise<Broker> {
  const { client, http, peer } = portsOf(id);
  const broker = await Broker.start(
    configOf(join(directory, String(id)), client, {
      ...version,
      brokerId: id,
      peer: { listen: address(peer), advertise: address(peer) },
      http: { listen: address(http) },
      bootstrap: [1, 2, 3].map((each) => ({
        brokerId: each,
        address: address(portsOf(each).peer),
      })),
      limits: { tickMs: 10, brokerHeartbeatMs: 100 },
    }),
    runtime,
  );
  running.set(id, broker);
  return broker;
}

async function startReady(id: number, version: Version): Promise<void> {
  await (
    await start(id, version)
  ).ready;
}

async function describeAt(id: number) {
  const client = connect(portsOf(id).client);
  try {
    return await client.call(clusterService.describeCluster, {});
  } finally {
    client.close();
  }
}

async function expectWrites(id: number, topic: string): Promise<void> {
  const client = connect(portsOf(id).client);
  try {
    await client.call(topicService.createTopic, { name: topic, partitionCount: 1 });
    const { topic: made } = await client.call(topicService.describeTopic, { name: topic });
    const leader = connect(portsOf(made?.partitions[0]?.leaderId ?? 0).client);
    try {
      const request = { topic, partition: 0, recordBatch: batchOf(["a"]) };
      expect((await leader.call(produceService.produce, request)).nextOffset).toBe(1);
    } finally {
      leader.close();
    }
  } finally {
    client.close();
  }
}

test("brokers of an older and a newer version are one cluster, and its feature level rises with the last of them", async () => {
  await Promise.all([startReady(1, older), startReady(2, newer), startReady(3, newer)]);
  await expectWrites(1, "mixed");
  const mixed = await describeAt(2);
  expect(mixed.featureLevel).toBe(1);
  expect(mixed.brokers.map(({ featureLevelMax }) => featureLevelMax)).toEqual([1, 2, 2]);

  await running.get(1)?.stop();
  await startReady(1, newer);
  const levelAt = async (id: number) => (await describeAt(id)).featureLevel;
  for (const id of [1, 2, 3]) {
    await expect.poll(() => levelAt(id), { timeout: 20_000 }).toBe(2);
  }
  await expectWrites(1, "upgraded");
}, 60_000);

test("a broker that cannot work at the cluster's feature level, or speaks none of its versions, is refused with the reason", async () => {
  await Promise.all([1, 2, 3].map((id) => startReady(id, newer)));
  const levelAt = async (id: number) => (await describeAt(id)).featureLevel;
  await expect.poll(() => levelAt(1), { timeout: 20_000 }).toBe(2);

  await start(4, older);
  const reason = async () => (await fetch(`http://${localhost}:${portsOf(4).http}/readyz`)).text();
  await expect
    .poll(reason, { timeout: 20_000 })
    .toContain("it works at feature levels 1 to 1, and the cluster is at 2");
  await running.get(4)?.stop();

  await start(4, { ...newer, peerVersions: { min: 3, max: 3 } });
  await expect
    .poll(reason, { timeout: 20_000 })
    .toContain("none of the brokers 1, 2, 3 belongs to a cluster yet");
  expect((await describeAt(1)).brokers).toHaveLength(3);
}, 60_000);

test("the feature level waits for a word where the cluster was told so, and there is a way back until then", async () => {
  await Promise.all([startReady(1, newer), startReady(2, newer), startReady(3, older)]);
  const client = connect(portsOf(1).client);
  try {
    const alteration = {
      name: "features.auto.finalization",
      operation: "SET",
      value: "false",
    } as const;
    const cluster = { resourceType: "CLUSTER", resourceName: "" } as const;
    await client.call(configService.alterConfigs, { ...cluster, alterations: [alteration] });
    for (const version of [newer, older, newer]) {
      await running.get(3)?.stop();
      await startReady(3, version);
      const knows = async () => (await describeAt(1)).brokers[2]?.featureLevelMax;
      await expect.poll(knows, { timeout: 20_000 }).toBe(version.featureLevels?.max);
      const asked = { dryRun: true };
      const upgrade = await client.call(clusterService.upgradeFeatureLevel, asked);
      expect(upgrade).toEqual({ previousLevel: 1, level: version.featureLevels?.max });
    }
    expect((await describeAt(1)).featureLevel).toBe(1);
    const upgrade = await client.call(clusterService.upgradeFeatureLevel, {});
    expect(upgrade).toEqual({ previousLevel: 1, level: 2 });
    for (const id of [1, 2, 3]) {
      const levelAt = async () => (await describeAt(id)).featureLevel;
      await expect.poll(levelAt, { timeout: 20_000 }).toBe(2);
    }
  } finally {
    client.close();
  }
}, 60_000);

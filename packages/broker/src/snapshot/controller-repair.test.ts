import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { clusterService, topicService } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { BrokerTrio } from "../../fakes/broker-trio.ts";

/** So often is it said in the metadata's log, and in no other. */
const marker = "named-in-the-metadata-alone";

async function until(condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 20_000 }).toBe(true);
}

/** Who votes on the metadata, as a broker sees it, and with which directory. */
async function votersAt(trio: BrokerTrio, id: number): Promise<ReadonlyMap<number, string>> {
  const { brokers } = await trio.call(id, clusterService.describeCluster, {});
  const voters = brokers.filter(({ controllerRole }) => controllerRole === "VOTER");
  return new Map(voters.map(({ brokerId, directoryId }) => [brokerId, directoryId]));
}

/** Changes a byte wherever the journal of a stopped broker names the topic; answers how often that was. */
function damageMetadata(trio: BrokerTrio, id: number): number {
  const directory = trio.logDirectory(id);
  let count = 0;
  for (const name of readdirSync(directory).filter((each) => each.startsWith("journal-"))) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    for (let at = bytes.indexOf(marker); at !== -1; at = bytes.indexOf(marker, at + 1)) {
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      count += 1;
    }
    writeFileSync(path, bytes);
  }
  return count;
}

/** A broker comes back without its disk, and votes again. */
async function wipe(trio: BrokerTrio, id: number, seenBy: number): Promise<void> {
  const before = (await votersAt(trio, seenBy)).get(id);
  await trio.stop(id);
  rmSync(dirname(trio.logDirectory(id)), { recursive: true });
  await trio.start(id);
  await until(async () => {
    const now = (await votersAt(trio, seenBy)).get(id);
    return now !== undefined && now !== before;
  });
}

test("repairController() takes the metadata from brokers that came with other disks while this one was away", async () => {
  await using trio = await BrokerTrio.startFirst(4, {
    brokerHeartbeatMs: 100,
    brokerSessionTimeoutMs: 1000,
    membershipCheckMs: 50,
    voterReplaceDelayMs: 300,
    controllerRepairMsMax: 5000,
  });
  await trio.start(4);
  await until(async () => (await votersAt(trio, 1)).size === 3);
  const request = { name: marker, partitionCount: 1, replicationFactor: 1 };
  await trio.callAny(topicService.createTopic, request);
  await until(async () => {
    const { topic } = await trio.call(3, topicService.describeTopic, { name: marker });
    return topic !== undefined;
  });
  await trio.stop(3);
  // Another broker votes in its place, so that those that lose their disks are no majority.
  await until(async () => (await votersAt(trio, 2)).has(4));
  await wipe(trio, 1, 2);
  await wipe(trio, 2, 1);
  expect(damageMetadata(trio, 3)).toBeGreaterThan(0);
  const directories = await votersAt(trio, 1);

  await trio.stopAll();
  await expect(trio.start(3)).rejects.toThrow("the log of the cluster's metadata is damaged");

  await Promise.all([1, 2, 4].map((id) => trio.start(id)));
  await trio.start(3);
  await until(async () => {
    const seen = await votersAt(trio, 3);
    return [1, 2].every((id) => seen.get(id) === directories.get(id));
  });
}, 90_000);

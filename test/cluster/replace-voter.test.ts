import type { NewTopic, RopewalkClient } from "@ropewalk/client";
import { RopewalkError } from "@ropewalk/protocol";
import { simulate, type TestCluster } from "@ropewalk/testing";
import { expect, test } from "vitest";

/** How long it may take in virtual time until a voter that is lost for good was replaced; the default delay is 10 minutes. */
const replaceMsMax = 15 * 60_000;

/** How long those that are left may take to decide on something. */
const decideMsMax = 30_000;

/** Who votes on the cluster's metadata, as the controller says. */
async function votersOf(client: RopewalkClient): Promise<number[]> {
  const { brokers } = await client.admin().describeCluster();
  return brokers.flatMap(({ brokerId, controllerRole }) =>
    controllerRole === "VOTER" ? brokerId : [],
  );
}

async function awaitVoters(
  cluster: TestCluster,
  isAsWanted: (voters: readonly number[]) => boolean,
): Promise<readonly number[]> {
  const endMs = cluster.clock.elapsedMs + replaceMsMax;
  for (;;) {
    const voters = await votersOf(cluster.client).catch((): number[] => []);
    if (isAsWanted(voters)) return voters;
    if (cluster.clock.elapsedMs >= endMs) throw new Error(`voters are ${voters.join()} still`);
    await cluster.clock.advance("5s");
  }
}

/** Makes a topic, however often it takes: who decides may have to be elected first. */
async function createTopic(client: RopewalkClient, topic: NewTopic): Promise<void> {
  const admin = client.admin({ timeoutMs: decideMsMax });
  try {
    await admin.createTopic(topic);
  } catch (error) {
    if (!(error instanceof RopewalkError)) throw error;
    // The broker that was asked had asked the one that was killed.
    if (error.outcome === "indefinite") return createTopic(client, topic);
    if (error.code !== "TOPIC_ALREADY_EXISTS") throw error;
  }
}

test.for([1, 2, 3])(
  "a voter on the metadata that is lost for good is replaced, and the cluster stands the loss of another one, seed %i",
  async (seed) => {
    await simulate({ seed, brokers: 4, limit: "1h" }, async ({ client, cluster }) => {
      const voters = await awaitVoters(cluster, ({ length }) => length === 3);
      const spare = cluster.brokerIds.find((id) => !voters.includes(id)) ?? 0;
      const [first = 0, second = 0] = [voters[seed % 3], voters[(seed + 1) % 3]];

      cluster.kill(first);
      await awaitVoters(cluster, (now) => now.includes(spare) && !now.includes(first));
      cluster.kill(second);

      // Of the three that voted at first one is left: without the fourth nothing could be decided any more.
      const left = cluster.brokerIds.filter((id) => id !== first && id !== second);
      await createTopic(client, { name: "afterwards", partitionCount: 4, replicationFactor: 2 });
      const { partitions } = await client.admin().describeTopic("afterwards");
      expect(partitions).toHaveLength(4);
      for (const { leaderId } of partitions) expect([0, ...left]).toContain(leaderId);
    });
  },
);

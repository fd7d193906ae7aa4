import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@ropewalk/client";
import { expect, test } from "vitest";
import { ProcessCluster } from "../test/cluster/process-cluster.ts";
import { waitFor } from "../test/cluster/wait-for.ts";

/*
 * How long the partitions of a broker that is killed have no leader, as a client of another broker sees it: three
 * broker processes on one machine, replication factor 3. Each round kills another broker, measures, and starts it
 * again. ROPEWALK_BENCH_PARTITIONS (3000) and ROPEWALK_BENCH_ROUNDS (3) say how many.
 */

const partitionCount = Number(process.env["ROPEWALK_BENCH_PARTITIONS"] ?? 3000);
const roundCount = Number(process.env["ROPEWALK_BENCH_ROUNDS"] ?? 3);
const brokerCount = 3;
const topic = "failover";
const pollMs = 100;
const ledMsMax = 60_000;
const msPerBroker = 600_000;

type Client = ReturnType<typeof createClient>;

async function leaders(client: Client): Promise<readonly number[]> {
  const { partitions } = await client.admin().describeTopic(topic);
  return partitions.map(({ leaderId }) => leaderId);
}

/** Milliseconds without a leader for every partition that the victim led. */
async function timesWithout(victim: number, client: Client, beganMs: number): Promise<number[]> {
  const waiting = new Set<number>();
  for (const [partition, leaderId] of (await leaders(client)).entries()) {
    if (leaderId === victim || leaderId === 0) waiting.add(partition);
  }
  const times: number[] = [];
  while (waiting.size > 0 && performance.now() - beganMs < ledMsMax) {
    const now = await leaders(client);
    const elapsedMs = performance.now() - beganMs;
    for (const partition of [...waiting]) {
      const leaderId = now[partition] ?? 0;
      if (leaderId === 0 || leaderId === victim) continue;
      waiting.delete(partition);
      times.push(elapsedMs);
    }
    await delay(pollMs);
  }
  expect(waiting.size).toBe(0);
  return times.toSorted((a, b) => a - b);
}

function percentile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
}

test(
  "a killed broker's partitions are led again",
  { timeout: roundCount * msPerBroker },
  async () => {
    await using cluster = await ProcessCluster.start(brokerCount);
    await using setup = createClient({ bootstrapServers: cluster.bootstrapServers });
    const admin = setup.admin({ timeoutMs: ledMsMax });
    await admin.createTopic({ name: topic, partitionCount, replicationFactor: brokerCount });
    for (let round = 0; round < roundCount; round++) {
      await waitFor("everything is led", ledMsMax, async () => !(await leaders(setup)).includes(0));
      const victim = (round % brokerCount) + 1;
      const asked = (victim % brokerCount) + 1;
      const bootstrapServers = [`127.0.0.1:${cluster.clientPort(asked)}`];
      await using client = createClient({ bootstrapServers });
      await leaders(client);
      const killed = cluster.kill(victim);
      const times = await timesWithout(victim, client, performance.now());
      await killed;
      console.log(
        `round ${round + 1}: broker ${victim} led ${times.length} of ${partitionCount} partitions; led again after ` +
          `p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms, all ${percentile(times, 1)} ms`,
      );
      cluster.spawn(victim);
      await cluster.ready();
    }
  },
);

import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { clusterService } from "@ropewalk/protocol";
import { createClient } from "@ropewalk/client";
import { expect, test } from "vitest";
import { GrpcCaller } from "../test/cluster/grpc-caller.ts";
import { NumberedStream } from "../test/cluster/numbered-stream.ts";
import { ProcessCluster } from "../test/cluster/process-cluster.ts";
import { Spinners } from "../test/cluster/spinners.ts";
import { LargeCluster } from "./large-cluster.ts";

/*
 * Whether anybody is elected without need: three broker processes on one machine whose processors are kept busy at
 * 90 % by others, many idle partitions, and a stream of records to some. ROPEWALK_BENCH_MINUTES (10) says for how long,
 * ROPEWALK_BENCH_PARTITIONS (3000) how many partitions are idle, ROPEWALK_BENCH_BUSY_PARTITIONS (30) how many are not.
 */

const minutes = Number(process.env["ROPEWALK_BENCH_MINUTES"] ?? 10);
const idlePartitionCount = Number(process.env["ROPEWALK_BENCH_PARTITIONS"] ?? 3000);
const busyPartitionCount = Number(process.env["ROPEWALK_BENCH_BUSY_PARTITIONS"] ?? 30);
const partitionsPerTopic = 100;
const brokerCount = 3;
const busyTopic = "busy";
const minuteMs = 60_000;
const setupMsMax = 600_000;
const settleMs = 20_000;

/** The terms of everything, added up: every election that succeeds makes one higher. */
async function sumOfTerms(address: string, topics: readonly string[]): Promise<number> {
  using caller = new GrpcCaller(address);
  const metadata = await caller.call(clusterService.getMetadata, { topics: [...topics] });
  const partitions = metadata.topics.flatMap((topic) => topic.partitions);
  return partitions.reduce((sum, { leaderEpoch }) => sum + leaderEpoch, 0);
}

test(
  "nobody is elected without need while every processor is busy at 90 %",
  { timeout: minutes * minuteMs + setupMsMax },
  async () => {
    await using cluster = await ProcessCluster.start(brokerCount);
    const { bootstrapServers } = cluster;
    const topicCount = Math.ceil(idlePartitionCount / partitionsPerTopic);
    using large = new LargeCluster(cluster, { topicCount, partitionsPerTopic });
    await large.createTopics();
    await using client = createClient({ bootstrapServers });
    await client.admin().createTopic({
      name: busyTopic,
      partitionCount: busyPartitionCount,
      replicationFactor: brokerCount,
    });
    await large.led();
    const topics = [...large.topics, busyTopic];
    const address = bootstrapServers[0] ?? "";
    await using stream = new NumberedStream(bootstrapServers, busyTopic, busyPartitionCount);
    const running = stream.run();
    running.catch(() => undefined); // It is awaited below.
    let elections = 0;
    let terms = 0;
    try {
      await delay(settleMs);
      const electionsBefore = await large.electionCount();
      const termsBefore = await sumOfTerms(address, topics);
      using spinners = new Spinners();
      for (let minute = 1; minute <= minutes; minute++) {
        await delay(minuteMs);
        elections = (await large.electionCount()) - electionsBefore;
        terms = (await sumOfTerms(address, topics)) - termsBefore;
        console.log(
          `after ${minute} min: ${elections} elections begun, terms advanced by ${terms}, ${stream.acknowledgedCount} records acknowledged`,
        );
      }
      expect(spinners.allRun).toBe(true);
    } finally {
      stream.stop();
    }
    await running;
    expect({ elections, terms }).toEqual({ elections: 0, terms: 0 });
  },
);

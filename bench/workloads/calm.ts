import { setTimeout as delay } from "node:timers/promises";
import { clusterService } from "@ropewalk/protocol";
import { GrpcCaller } from "../../test/cluster/grpc-caller.ts";
import { NumberedStream } from "../../test/cluster/numbered-stream.ts";
import { Spinners } from "../../test/cluster/spinners.ts";
import { LargeCluster } from "../cluster/large-cluster.ts";
import { type Workload, type WorkloadContext, system, withTopic } from "./workload.ts";

const minutes = 10;
const minuteMs = 60_000;
const quickMs = 10_000;
const partitionsPerTopic = 100;
const idlePartitionCount = 3000;
const busyPartitionCount = 30;
const settleMs = 20_000;

/** `calm` */
export const calmWorkload: Workload = {
  name: "calm",
  summary: "elections without need, while every processor is busy at 90 % (takes ten minutes)",
  runsByDefault: false,
  async run(context) {
    const { processes } = context.cluster;
    const { findings, options } = context;
    if (processes === undefined) {
      findings.skip({
        workload: "calm",
        system,
        reason: "the processors of others are left alone",
      });
      return;
    }
    const idleCount = options.partitions?.[0] ?? (options.quick ? 100 : idlePartitionCount);
    const topicCount = Math.ceil(idleCount / partitionsPerTopic);
    using large = new LargeCluster(processes, { topicCount, partitionsPerTopic });
    await large.createTopics();
    await large.led();
    await withTopic(context, busyPartitionCount, (topic) => watch(context, large, topic));
  },
};

async function watch(context: WorkloadContext, large: LargeCluster, topic: string): Promise<void> {
  const { cluster, findings, options } = context;
  const [address = ""] = cluster.bootstrapServers;
  const topics = [...large.topics, topic];
  await using stream = new NumberedStream(cluster.bootstrapServers, topic, busyPartitionCount);
  const running = stream.run();
  running.catch(() => undefined); // It is awaited below.
  try {
    await delay(settleMs);
    const electionsBefore = await large.electionCount();
    const termsBefore = await sumOfTerms(address, topics);
    using spinners = new Spinners();
    for (let minute = 1; minute <= (options.quick ? 1 : minutes); minute++) {
      findings.progress(`calm: minute ${minute}, ${stream.acknowledgedCount} records acknowledged`);
      await delay(options.quick ? quickMs : minuteMs);
    }
    if (!spinners.allRun) throw new Error("a process that keeps a processor busy has ended");
    findings.row({
      workload: "calm",
      system,
      label: `${large.topics.length * partitionsPerTopic} idle and ${busyPartitionCount} busy partitions`,
      settings: { busyShare: 0.9, minutes: options.quick ? quickMs / minuteMs : minutes },
      figures: {
        elections: (await large.electionCount()) - electionsBefore,
        termsAdvanced: (await sumOfTerms(address, topics)) - termsBefore,
      },
      latencies: {},
    });
  } finally {
    stream.stop();
  }
  await running;
}

/** The terms of everything, added up: every election that succeeds makes one higher. */
async function sumOfTerms(address: string, topics: readonly string[]): Promise<number> {
  using caller = new GrpcCaller(address);
  const metadata = await caller.call(clusterService.getMetadata, { topics: [...topics] });
  const partitions = metadata.topics.flatMap((topic) => topic.partitions);
  return partitions.reduce((sum, { leaderEpoch }) => sum + leaderEpoch, 0);
}

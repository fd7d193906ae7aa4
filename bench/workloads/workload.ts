import { createClient } from "@ropewalk/client";
import { waitFor } from "../../test/cluster/wait-for.ts";
import type { BenchCluster } from "../cluster/bench-cluster.ts";
import type { ResultRow, SkippedRow } from "../results/result-file.ts";

/** What the command line said about how to measure. Lists are crossed with each other; undefined: the workload's own. */
export interface BenchOptions {
  readonly quick: boolean;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly recordBytes: readonly number[] | undefined;
  readonly apis: readonly string[] | undefined;
  readonly producers: readonly number[] | undefined;
  readonly partitions: readonly number[] | undefined;
  readonly acks: readonly string[] | undefined;
  readonly loadPercents: readonly number[];
  readonly lingerMs: number | undefined;
  readonly batchBytesMax: number | undefined;
  readonly replicationFactor: number;
  /** Which peers are measured; undefined: all that are there. */
  readonly peers: readonly string[] | undefined;
  /** Whether what is measured now is what later runs are compared with. */
  readonly writesBaseline: boolean;
}

/** Where a workload leaves what it finds. */
export interface Findings {
  row(row: ResultRow): void;
  skip(row: SkippedRow): void;
  /** Says something to whoever watches. */
  note(text: string): void;
  /** Says what is going on now; the next one replaces it. */
  progress(text: string): void;
}

/** What a workload is given. */
export interface WorkloadContext {
  readonly cluster: BenchCluster;
  readonly options: BenchOptions;
  readonly findings: Findings;
}

/** Something that can be measured, under the name by which it is asked for. */
export interface Workload {
  readonly name: string;
  /** One line for the list of workloads. */
  readonly summary: string;
  /** Whether it runs when nothing is named. */
  readonly runsByDefault: boolean;
  run(context: WorkloadContext): Promise<void>;
}

/** What every row of this product says. */
export const system = "ropewalk";

const createMsMax = 120_000;
let topicNumber = 0;

/** Makes a topic, has somebody use it once all of it is led, and removes it with its data. */
export async function withTopic<Value>(
  { cluster, options }: WorkloadContext,
  partitionCount: number,
  use: (topic: string) => Promise<Value>,
  configs: Readonly<Record<string, string>> = {},
): Promise<Value> {
  const { bootstrapServers } = cluster;
  const { replicationFactor } = options;
  await using client = createClient({ bootstrapServers });
  const admin = client.admin({ timeoutMs: createMsMax });
  const name = `bench-${Date.now().toString(36)}-${topicNumber++}`;
  await admin.createTopic({ name, partitionCount, replicationFactor, configs });
  try {
    await waitFor(`every partition of ${name} is led`, createMsMax, async () => {
      const { partitions } = await admin.describeTopic(name);
      return (
        partitions.length === partitionCount && partitions.every(({ leaderId }) => leaderId > 0)
      );
    });
    return await use(name);
  } finally {
    await admin.deleteTopic(name);
  }
}

import { rmSync } from "node:fs";
import process from "node:process";
import { metricOf } from "../../test/cluster/metric-of.ts";
import { ProcessCluster } from "../../test/cluster/process-cluster.ts";
import { endWithUs } from "./end-with-us.ts";
import { type ProcessUsage, processUsage } from "./process-usage.ts";

const brokerCount = 3;

/** A cluster that loads run against: one that the bench started, or one that somebody named. */
export interface BenchCluster extends AsyncDisposable {
  readonly bootstrapServers: readonly string[];
  /** The processes of a cluster that the bench started; only these can be killed and looked into. */
  readonly processes: ProcessCluster | undefined;
  /** From the first process until clients may be sent to the last, in milliseconds. */
  readonly startMs: number | undefined;
  /** What each broker has taken so far; empty for one that somebody named. */
  usages(): readonly ProcessUsage[];
  /** A metric of all brokers, added up; undefined for a cluster that somebody named. */
  sumOf(metric: string): Promise<number | undefined>;
}

/** Starts three broker processes on this machine as a user would, each with a data directory of its own. */
export async function startCluster(): Promise<BenchCluster> {
  const beganMs = performance.now();
  const processes = await ProcessCluster.start(brokerCount);
  const startMs = performance.now() - beganMs;
  const ending = endWithUs(() => {
    for (const id of processes.runningIds) process.kill(processes.pid(id), "SIGKILL");
    rmSync(processes.directory, { recursive: true, force: true });
  });
  return {
    bootstrapServers: processes.bootstrapServers,
    processes,
    startMs,
    usages: () => processes.runningIds.map((id) => processUsage(processes.pid(id))),
    async sumOf(metric) {
      const values = processes.runningIds.map((id) => metricOf(processes, id, metric));
      return (await Promise.all(values)).reduce((sum, value) => sum + value, 0);
    },
    async [Symbol.asyncDispose]() {
      ending[Symbol.dispose]();
      await processes[Symbol.asyncDispose]();
    },
  };
}

/** A cluster that runs already. */
export function namedCluster(bootstrapServers: readonly string[]): BenchCluster {
  return {
    bootstrapServers,
    processes: undefined,
    startMs: undefined,
    usages: () => [],
    sumOf: () => Promise.resolve(undefined),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

import { readdirSync } from "node:fs";
import { createClient } from "@ropewalk/client";
import type { FetchJob } from "../load/load-job.ts";
import { runLoads } from "../load/load-runner.ts";
import { isRising, linearFit, type SeriesPoint } from "../results/linear-fit.ts";
import type { ResultRow } from "../results/result-file.ts";
import { latencyFigures } from "./load-figures.ts";
import { baseCase, produceJob, settingsOf } from "./produce.ts";
import { withUsedJournals } from "./used-journals.ts";
import { type Workload, type WorkloadContext, system, withTopic } from "./workload.ts";

const minutes = 20;
const quickMinutes = 1;
/** So much that journals turn over every three minutes: what is known of their entries grows until they have. */
const recordBytes = 1024;
const recordsPerSecond = 10_000;
/** A sample is a run of clients of their own, which connect and leave. */
const sample = { warmUpSeconds: 1, seconds: 8 };
const quickSample = { warmUpSeconds: 1, seconds: 2 };
/** Code is compiled, caches fill: what is before this share of the time says nothing about growth. */
const settlingShare = 0.25;
/** What is deleted while it runs is as much as what is written. */
const configs = {
  "retention.bytes": String(16 * 1024 * 1024),
  "segment.bytes": String(4 * 1024 * 1024),
};
const retentionCheckMs = 5000;
const keptMetrics = ["nodejs_heap_size_used_bytes", "nodejs_external_memory_bytes"];
const mebibyte = 1024 * 1024;
const hourMs = 3_600_000;

/** What is looked at over the time of a soak. */
interface Sample {
  readonly atMs: number;
  readonly residentMebibytes: number;
  /** What V8 counts: objects and buffers, with the garbage that it has not collected yet. */
  readonly keptMebibytes: number;
  readonly descriptors: number;
  readonly p99Ms: number;
}

/** `soak` */
export const soakWorkload: Workload = {
  name: "soak",
  summary: "growth of memory, descriptors or latency under a steady load (takes twenty minutes)",
  runsByDefault: false,
  async run(context) {
    const { cluster, findings } = context;
    if (cluster.processes === undefined) {
      const reason = "what the processes of a named cluster take cannot be seen";
      findings.skip({ workload: "soak", system, reason });
      return;
    }
    await deleteOften(cluster.bootstrapServers);
    await withUsedJournals(context, () =>
      withTopic(context, baseCase.partitionCount, (topic) => soak(context, topic), configs),
    );
  },
};

async function soak(context: WorkloadContext, topic: string): Promise<void> {
  const { findings, options } = context;
  const beganMs = performance.now();
  const endMs = beganMs + (options.quick ? quickMinutes : minutes) * 60_000;
  const samples: Sample[] = [];
  while (performance.now() < endMs) {
    const minute = Math.round((performance.now() - beganMs) / 60_000);
    findings.progress(`soak: minute ${minute}, ${samples.length} samples`);
    samples.push(await takeSample(context, topic));
  }
  const settledMs = beganMs + (endMs - beganMs) * settlingShare;
  const settled = samples.filter(({ atMs }) => atMs >= settledMs);
  findings.row(rowOf(context, settled));
  const series = {
    "resident memory": residentOf,
    "objects and buffers": keptOf,
    descriptors: descriptorsOf,
    latency: latencyOf,
  };
  const rising = Object.entries(series).filter(([, pick]) =>
    isRising(linearFit(settled.map(pick))),
  );
  const what = rising.map(([name]) => name).join(", ");
  findings.note(rising.length === 0 ? "  nothing grows beyond its scatter" : `  grows: ${what}`);
}

async function takeSample(context: WorkloadContext, topic: string): Promise<Sample> {
  const { cluster, options } = context;
  const { bootstrapServers, processes } = cluster;
  const pace = { recordsPerSecond, partitionCount: undefined };
  const produce = { ...produceJob(context, topic, { ...baseCase, recordBytes }), pace };
  const reading = { from: "latest", decodes: true, timesRecords: true } as const;
  const fetch: FetchJob = { kind: "fetch", bootstrapServers, topic, recordBytes, ...reading };
  const duration = options.quick ? quickSample : sample;
  const { after, results } = await runLoads([produce, fetch], duration, () => cluster.usages());
  const { endToEnd } = latencyFigures(...results);
  const kept = await Promise.all(keptMetrics.map((metric) => cluster.sumOf(metric)));
  const pids = processes?.runningIds.map((id) => processes.pid(id)) ?? [];
  return {
    atMs: performance.now(),
    residentMebibytes: after.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / mebibyte,
    keptMebibytes: kept.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0) / mebibyte,
    descriptors: pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
    p99Ms: endToEnd?.p99Ms ?? 0,
  };
}

type Pick = (sample: Sample) => SeriesPoint;
/** What is fitted; the descriptors of all brokers together. */
const residentOf: Pick = ({ atMs, residentMebibytes }) => ({
  x: atMs / hourMs,
  y: residentMebibytes,
});
const keptOf: Pick = ({ atMs, keptMebibytes }) => ({ x: atMs / hourMs, y: keptMebibytes });
const descriptorsOf: Pick = ({ atMs, descriptors }) => ({ x: atMs / hourMs, y: descriptors });
const latencyOf: Pick = ({ atMs, p99Ms }) => ({ x: atMs / hourMs, y: p99Ms });

function rowOf(context: WorkloadContext, samples: readonly Sample[]): ResultRow {
  const resident = linearFit(samples.map(residentOf));
  const kept = linearFit(samples.map(keptOf));
  const descriptors = linearFit(samples.map(descriptorsOf));
  const latency = linearFit(samples.map(latencyOf));
  const last = samples.at(-1);
  return {
    workload: "soak",
    system,
    label: `${samples.length} samples of ${recordsPerSecond} records/s`,
    settings: { ...settingsOf(context, { ...baseCase, recordBytes }), ...configs, loop: "open" },
    figures: {
      targetRecordsPerSecond: recordsPerSecond,
      brokersResidentMebibytes: last?.residentMebibytes ?? 0,
      residentMebibytesPerHour: resident.slope,
      residentMebibytesPerHourError: resident.standardError,
      brokersKeptMebibytes: last?.keptMebibytes ?? 0,
      keptMebibytesPerHour: kept.slope,
      keptMebibytesPerHourError: kept.standardError,
      brokersDescriptors: last?.descriptors ?? 0,
      descriptorsPerHour: descriptors.slope,
      descriptorsPerHourError: descriptors.standardError,
      p99Ms: last?.p99Ms ?? 0,
      p99MsPerHour: latency.slope,
      p99MsPerHourError: latency.standardError,
    },
    latencies: {},
  };
}

async function deleteOften(bootstrapServers: readonly string[]): Promise<void> {
  await using client = createClient({ bootstrapServers });
  const value = String(retentionCheckMs);
  const alteration = { operation: "SET", name: "log.retention.check.interval.ms", value } as const;
  await client.admin().alterConfigs({ kind: "cluster" }, [alteration]);
}

import type { FetchJob } from "../load/load-job.ts";
import { runLoads } from "../load/load-runner.ts";
import type { ResultRow } from "../results/result-file.ts";
import { brokerFigures, latencyFigures, loadFigures } from "./load-figures.ts";
import { baseCase, produceJob, produceRow, settingsOf, sizeOf } from "./produce.ts";
import { withUsedJournals } from "./used-journals.ts";
import { type Workload, type WorkloadContext, system, withTopic } from "./workload.ts";

const recordSizes = [100, 1024] as const;

/** `latency` */
export const latencyWorkload: Workload = {
  name: "latency",
  summary: "from when a record is due to when it is read, at shares of the peak (open loop)",
  runsByDefault: true,
  run: (context) => withUsedJournals(context, () => measureSizes(context)),
};

async function measureSizes(context: WorkloadContext): Promise<void> {
  for (const recordBytes of context.options.recordBytes ?? recordSizes) {
    const peak = await produceRow(context, { ...baseCase, recordBytes });
    context.findings.row({ ...peak, workload: "latency", label: `peak, ${peak.label}` });
    const peakRate = peak.figures.recordsPerSecond ?? 0;
    for (const loadPercent of context.options.loadPercents) {
      const recordsPerSecond = Math.max(1, Math.floor((peakRate * loadPercent) / 100));
      const row = await measureLatency(context, { recordBytes, loadPercent, recordsPerSecond });
      if (row !== undefined) context.findings.row(row);
    }
  }
}

/** A rate of records, and which share of the peak it is, if it is one. */
export interface LatencyCase {
  readonly recordBytes: number;
  readonly loadPercent?: number;
  readonly recordsPerSecond: number;
}

/** Measures one rate; undefined where a load gave nothing. */
export async function measureLatency(
  context: WorkloadContext,
  { loadPercent, recordBytes, recordsPerSecond }: LatencyCase,
): Promise<ResultRow | undefined> {
  const { cluster, findings, options } = context;
  const load = loadPercent === undefined ? "at a given rate" : `${loadPercent} % of the peak`;
  const label = `${sizeOf(recordBytes)}, ${load}`;
  findings.progress(`latency ${label}: ${recordsPerSecond} records/s`);
  const special = { ...baseCase, recordBytes };
  return withTopic(context, special.partitionCount, async (topic) => {
    const { bootstrapServers } = cluster;
    const reading = { from: "latest", decodes: true, timesRecords: true } as const;
    const fetch: FetchJob = { kind: "fetch", bootstrapServers, topic, recordBytes, ...reading };
    const pace = { recordsPerSecond, partitionCount: undefined };
    const produce = { ...produceJob(context, topic, special), pace };
    const outcome = await runLoads([produce, fetch], options, () => cluster.usages());
    const [produced, fetched] = outcome.results;
    if (produced === undefined || fetched === undefined) return undefined;
    return {
      workload: "latency",
      system,
      label,
      settings: { ...settingsOf(context, special), loop: "open", decodes: true },
      figures: {
        ...loadFigures(produced),
        ...brokerFigures(outcome.before, outcome.after, produced),
        targetRecordsPerSecond: recordsPerSecond,
        ...(loadPercent !== undefined && { loadPercent }),
      },
      latencies: latencyFigures(produced, fetched),
    };
  });
}

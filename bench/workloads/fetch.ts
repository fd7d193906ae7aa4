import { writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import type { FetchJob } from "../load/load-job.ts";
import { runLoads } from "../load/load-runner.ts";
import type { ResultRow } from "../results/result-file.ts";
import { fillTopic } from "./fill-topic.ts";
import { brokerFigures, loadFigures } from "./load-figures.ts";
import { baseCase, produceJob, sizeOf } from "./produce.ts";
import { withUsedJournals } from "./used-journals.ts";
import { type Workload, type WorkloadContext, system, withTopic } from "./workload.ts";

const storedBytes = 512 * 1024 * 1024;
const quickStoredBytes = 64 * 1024 * 1024;
const recordSizes = [100, 1024] as const;

type Temperature = "tail" | "warm" | "cold";

/** `fetch` */
export const fetchWorkload: Workload = {
  name: "fetch",
  summary:
    "reading what is being written, what lies in the page cache, and what only lies on the disk",
  runsByDefault: true,
  run: (context) => withUsedJournals(context, () => fetchSizes(context)),
};

async function fetchSizes(context: WorkloadContext): Promise<void> {
  for (const recordBytes of context.options.recordBytes ?? recordSizes) {
    await fetchTail(context, recordBytes);
    await withTopic(context, baseCase.partitionCount, async (topic) => {
      await fill(context, topic, recordBytes);
      for (const decodes of [false, true])
        context.findings.row(await storedRow(context, topic, recordBytes, "warm", decodes));
      await fetchCold(context, topic, recordBytes);
    });
  }
}

/** A consumer at the end of a topic that is written as fast as it takes records. */
async function fetchTail(context: WorkloadContext, recordBytes: number): Promise<void> {
  const { cluster, findings, options } = context;
  findings.progress(`fetch tail ${sizeOf(recordBytes)}`);
  await withTopic(context, baseCase.partitionCount, async (topic) => {
    const jobs = [
      fetchJob(context, { topic, recordBytes, from: "latest", decodes: true }),
      produceJob(context, topic, { ...baseCase, recordBytes }),
    ];
    const { after, before, results } = await runLoads(jobs, options, () => cluster.usages());
    const [fetched] = results;
    if (fetched === undefined) return;
    findings.row({
      workload: "fetch",
      system,
      label: `tail, ${sizeOf(recordBytes)}, while it is written`,
      settings: { recordBytes, from: "tail cache", decodes: true },
      figures: { ...loadFigures(fetched), ...brokerFigures(before, after, fetched) },
      latencies: {},
    });
  });
}

/** What lies in the page cache, in batches: as much as one consumer takes. */
export async function measureStored(
  context: WorkloadContext,
  recordBytes: number,
): Promise<ResultRow> {
  return withTopic(context, baseCase.partitionCount, async (topic) => {
    await fill(context, topic, recordBytes);
    return storedRow(context, topic, recordBytes, "warm", false);
  });
}

async function storedRow(
  context: WorkloadContext,
  topic: string,
  recordBytes: number,
  temperature: Temperature,
  decodes: boolean,
): Promise<ResultRow> {
  const { cluster, findings, options } = context;
  const label = `${temperature}, ${sizeOf(recordBytes)}, ${decodes ? "records" : "batches"}`;
  findings.progress(`fetch ${label}`);
  // Whoever reads for longer reads what is no longer cold.
  const duration = temperature === "cold" ? { warmUpSeconds: 0, seconds: 1 } : options;
  const job = fetchJob(context, { topic, recordBytes, from: "earliest", decodes });
  const { after, before, results } = await runLoads([job], duration, () => cluster.usages());
  const [fetched] = results;
  const figures =
    fetched === undefined
      ? {}
      : { ...loadFigures(fetched), ...brokerFigures(before, after, fetched) };
  const settings = { recordBytes, from: temperature === "cold" ? "disk" : "page cache", decodes };
  return { workload: "fetch", system, label, settings, figures, latencies: {} };
}

async function fetchCold(
  context: WorkloadContext,
  topic: string,
  recordBytes: number,
): Promise<void> {
  const reason = forgetPages(context);
  if (reason === undefined)
    context.findings.row(await storedRow(context, topic, recordBytes, "cold", false));
  else context.findings.skip({ workload: "fetch", system, reason: `cold: ${reason}` });
}

/** Has the system forget what it keeps of files in memory; answers why not. */
function forgetPages({ cluster }: WorkloadContext): string | undefined {
  if (cluster.processes === undefined) return "the disks of a named cluster are not ours";
  try {
    execFileSync("sync");
    writeFileSync("/proc/sys/vm/drop_caches", "1");
    return undefined;
  } catch {
    return "only root on Linux can empty the page cache";
  }
}

async function fill(context: WorkloadContext, topic: string, recordBytes: number): Promise<void> {
  const { cluster, findings, options } = context;
  const bytes = options.quick ? quickStoredBytes : storedBytes;
  findings.progress(`fetch: writing ${bytes / 1024 / 1024} MiB of ${sizeOf(recordBytes)} records`);
  await fillTopic(cluster.bootstrapServers, { topic, recordBytes, bytes });
}

function fetchJob(
  { cluster }: WorkloadContext,
  what: Pick<FetchJob, "topic" | "recordBytes" | "from" | "decodes">,
): FetchJob {
  const { bootstrapServers } = cluster;
  return { kind: "fetch", bootstrapServers, ...what, timesRecords: false };
}

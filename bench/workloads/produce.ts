import type { LoadOutcome } from "../load/load-runner.ts";
import { runLoads } from "../load/load-runner.ts";
import type { ProduceApi, ProduceJob } from "../load/load-job.ts";
import type { ResultRow } from "../results/result-file.ts";
import { brokerFigures, loadFigures } from "./load-figures.ts";
import { withUsedJournals } from "./used-journals.ts";
import {
  type BenchOptions,
  type Workload,
  type WorkloadContext,
  system,
  withTopic,
} from "./workload.ts";

/** What one row of producing varies. */
export interface ProduceCase {
  readonly recordBytes: number;
  readonly api: ProduceApi;
  readonly producerCount: number;
  readonly partitionCount: number;
  readonly acks: "all" | 1;
}

/** From here each case differs in one respect. */
export const baseCase: ProduceCase = {
  recordBytes: 1024,
  api: "write",
  producerCount: 1,
  partitionCount: 6,
  acks: "all",
};

/** Without batching only partitions let records travel at the same time. */
const unbatchedPartitionCount = 100;

const fullCases: readonly Partial<ProduceCase>[] = [
  { recordBytes: 100 },
  {},
  { recordBytes: 10 * 1024 },
  { recordBytes: 100 * 1024 },
  { recordBytes: 100, api: "send" },
  { recordBytes: 100, api: "unbatched", partitionCount: unbatchedPartitionCount },
  { api: "unbatched", partitionCount: unbatchedPartitionCount },
  { recordBytes: 100, api: "one-by-one", partitionCount: 1 },
  { producerCount: 10 },
  { producerCount: 100 },
  { partitionCount: 1 },
  { partitionCount: 100 },
  { partitionCount: 1000 },
  { acks: 1 },
];

const quickCases: readonly Partial<ProduceCase>[] = [
  { recordBytes: 100 },
  {},
  { recordBytes: 100, api: "send" },
  { recordBytes: 100, api: "unbatched", partitionCount: unbatchedPartitionCount },
  { partitionCount: 100 },
];

/** `produce` */
export const produceWorkload: Workload = {
  name: "produce",
  summary: "records into one topic, as fast as they are taken",
  runsByDefault: true,
  async run(context) {
    await withUsedJournals(context, async () => {
      for (const each of casesOf(context.options))
        context.findings.row(await produceRow(context, each));
    });
  },
};

/** What is to be measured: the star around the base, or every combination of what was asked for. */
function casesOf(options: BenchOptions): ProduceCase[] {
  const { acks, apis, partitions, producers, recordBytes } = options;
  const asked = [acks, apis, partitions, producers, recordBytes];
  if (asked.every((list) => list === undefined)) {
    const cases = options.quick ? quickCases : fullCases;
    return cases.map((special) => ({ ...baseCase, ...special }));
  }
  return (recordBytes ?? [baseCase.recordBytes]).flatMap((bytes) =>
    (apis ?? [baseCase.api]).flatMap((api) =>
      (producers ?? [baseCase.producerCount]).flatMap((producerCount) =>
        (partitions ?? [baseCase.partitionCount]).flatMap((partitionCount) =>
          (acks ?? [baseCase.acks]).map((each) => ({
            recordBytes: bytes,
            api: apiOf(api),
            producerCount,
            partitionCount,
            acks: String(each) === "1" ? (1 as const) : ("all" as const),
          })),
        ),
      ),
    ),
  );
}

/** Measures one case. */
export async function produceRow(
  context: WorkloadContext,
  special: ProduceCase,
): Promise<ResultRow> {
  const { cluster, options } = context;
  const label = labelOf(special);
  context.findings.progress(`produce ${label}`);
  return withTopic(context, special.partitionCount, async (topic) => {
    const job = produceJob(context, topic, special);
    const flushesBefore = await cluster.sumOf("ropewalk_journal_flushes_total");
    const beganMs = performance.now();
    const outcome = await runLoads([job], options, () => cluster.usages());
    const flushes = await cluster.sumOf("ropewalk_journal_flushes_total");
    const seconds = (performance.now() - beganMs) / 1000;
    return {
      workload: "produce",
      system,
      label,
      settings: settingsOf(context, special),
      figures: {
        ...figuresOf(outcome),
        ...(flushes !== undefined && {
          flushesPerSecond: (flushes - (flushesBefore ?? 0)) / seconds,
        }),
      },
      latencies: {},
    };
  });
}

/** The load of a case, as fast as its records are taken. */
export function produceJob(
  { cluster, options }: WorkloadContext,
  topic: string,
  special: ProduceCase,
): ProduceJob {
  const { bootstrapServers } = cluster;
  const { batchBytesMax, lingerMs } = options;
  return {
    kind: "produce",
    bootstrapServers,
    topic,
    ...special,
    lingerMs,
    batchBytesMax,
    pace: undefined,
  };
}

/** What a row of producing says about how it was taken. */
export function settingsOf(
  { options }: WorkloadContext,
  special: ProduceCase,
): ResultRow["settings"] {
  const isBatched = special.api === "write" || special.api === "send";
  return {
    ...special,
    batchBytesMax: isBatched ? (options.batchBytesMax ?? 256 * 1024) : "one record",
    lingerMs: options.lingerMs ?? "client's default",
    replicationFactor: options.replicationFactor,
    fsync: "before every acknowledgement, on a majority",
    idempotent: true,
    compression: "none",
  };
}

function figuresOf({ after, before, results }: LoadOutcome): ResultRow["figures"] {
  const [result] = results;
  if (result === undefined) return {};
  return { ...loadFigures(result), ...brokerFigures(before, after, result) };
}

function labelOf({ acks, api, partitionCount, producerCount, recordBytes }: ProduceCase): string {
  const parts = [sizeOf(recordBytes), api, `${partitionCount} partitions`];
  if (producerCount !== 1) parts.push(`${producerCount} producers`);
  if (acks !== "all") parts.push("acks=1");
  return parts.join(", ");
}

/** "100 B", "1 KiB" */
export function sizeOf(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
}

function apiOf(name: string): ProduceApi {
  if (name === "write" || name === "send" || name === "unbatched" || name === "one-by-one")
    return name;
  throw new Error(`unknown api ${name}: use write, send, unbatched or one-by-one`);
}

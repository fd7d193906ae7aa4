import { measureRoofline, missingRoofline } from "../peers/roofline.ts";
import { comparisonOf, readBaseline, writeBaseline } from "../quick/baseline.ts";
import { type QuickRows, ratiosOf, type RooflineRows } from "../quick/ratio.ts";
import { describeMachine, describeVersions } from "../results/machine.ts";
import type { ResultRow } from "../results/result-file.ts";
import { measureStored } from "./fetch.ts";
import { measureLatency } from "./latency.ts";
import { baseCase, type ProduceCase, produceRow, sizeOf } from "./produce.ts";
import { withUsedJournals } from "./used-journals.ts";
import { type Workload, type WorkloadContext } from "./workload.ts";

/** All together must stay below two minutes. */
const duration = { warmUpSeconds: 2, seconds: 4 };
const recordSizes = [100, 1024] as const;
/** Below what any machine of today takes, so that it says how fast a cluster is that has time. */
const calmRecordsPerSecond = 20_000;
const unbatchedPartitionCount = 100;

/** `quick` */
export const quickWorkload: Workload = {
  name: "quick",
  summary:
    "ratios to the roofline beside the committed baseline, within two minutes (npm run bench:quick)",
  runsByDefault: false,
  async run(given) {
    const { findings } = given;
    const context = { ...given, options: { ...given.options, ...duration, quick: true } };
    const roofline = await rooflineRows(context);
    const ratios = ratiosOf(await withUsedJournals(context, () => ourRows(context)), roofline);
    findings.note(`\n${comparisonOf(ratios, readBaseline())}`);
    if (!given.options.writesBaseline) return;
    const [takenAt, commit] = [new Date().toISOString(), describeVersions()["commit"] ?? ""];
    const path = writeBaseline({ takenAt, commit, machine: describeMachine(), ratios });
    findings.note(`\nbaseline: ${path}`);
  },
};

async function rooflineRows(context: WorkloadContext): Promise<RooflineRows | undefined> {
  const reason = missingRoofline();
  if (reason !== undefined) {
    context.findings.skip({ workload: "quick", system: "roofline", reason });
    return undefined;
  }
  const row = async (mode: "produce" | "fetch" | "rpc"): Promise<ResultRow> =>
    taken(context, await measureRoofline(context, mode));
  return { produce: await row("produce"), fetch: await row("fetch"), rpc: await row("rpc") };
}

async function ourRows(context: WorkloadContext): Promise<QuickRows> {
  const produced: Record<string, ResultRow> = {};
  const fetched: Record<string, ResultRow> = {};
  for (const recordBytes of recordSizes) {
    const name = sizeOf(recordBytes);
    produced[`produce ${name}`] = await produce(context, { recordBytes });
    fetched[`fetch ${name}`] = taken(context, await measureStored(context, recordBytes));
  }
  const partitionCount = unbatchedPartitionCount;
  const sent = {
    "100 B, a promise each": await produce(context, { recordBytes: 100, api: "send" }),
    "100 B, a batch each": await produce(context, {
      recordBytes: 100,
      api: "unbatched",
      partitionCount,
    }),
  };
  const calm = { recordBytes: 100, recordsPerSecond: calmRecordsPerSecond };
  const paced = await measureLatency(context, calm);
  const name = `${calmRecordsPerSecond} records/s of 100 B, due to consumed`;
  return {
    produced,
    sent,
    fetched,
    paced: paced === undefined ? {} : { [name]: taken(context, { ...paced, label: name }) },
  };
}

async function produce(
  context: WorkloadContext,
  special: Partial<ProduceCase>,
): Promise<ResultRow> {
  return taken(context, await produceRow(context, { ...baseCase, ...special }));
}

function taken(context: WorkloadContext, row: ResultRow): ResultRow {
  const renamed = { ...row, workload: "quick" };
  context.findings.row(renamed);
  return renamed;
}

import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { ResultRow } from "../results/result-file.ts";
import { sumOf } from "../workloads/load-figures.ts";
import { sizeOf } from "../workloads/produce.ts";
import { type Peer, type PeerRun, peersWorkloadName } from "./peer.ts";
import { PeerProcesses } from "./peer-processes.ts";

const tool =
  process.env["ROPEWALK_BENCH_ROOFLINE"] ??
  fileURLToPath(new URL("../../../shared/tools/roofline", import.meta.url));
/** A copy in there finds its packages among ours, which are the same versions. */
const copy = fileURLToPath(new URL("../../node_modules/.cache/roofline", import.meta.url));
const batchBytes = 256 * 1024;

/** What this machine gives for the same work without Raft, index and groups: gRPC at the door, frames between brokers. */
export const roofline: Peer = {
  name: "roofline",
  missing: missingRoofline,
  async measure(run) {
    for (const mode of ["produce", "fetch", "rpc"] as const)
      run.findings.row(await measureRoofline(run, mode));
  },
};

/** Why the tool cannot be run; undefined: it can. */
export function missingRoofline(): string | undefined {
  return existsSync(tool) ? undefined : `${tool} not found (ROPEWALK_BENCH_ROOFLINE)`;
}

/** One row of the tool, at the client's default batch size. */
export async function measureRoofline(
  { findings, options }: Pick<PeerRun, "findings" | "options">,
  mode: "produce" | "fetch" | "rpc",
): Promise<ResultRow> {
  findings.progress(`roofline: ${mode}`);
  if (!existsSync(copy)) cpSync(tool, copy, { recursive: true, mode: 0 });
  await using processes = new PeerProcesses();
  const size = mode === "rpc" ? 100 : batchBytes;
  const flags = ["--mode", mode, "--transport", "grpc", "--batch-bytes", String(size)];
  if (mode === "produce") flags.push("--replication", "raw");
  flags.push(
    "--seconds",
    String(Math.max(options.seconds, 1)),
    "--dir",
    processes.directory,
    "--json",
  );
  const { output } = await processes.run(process.execPath, [join(copy, "roofline.mjs"), ...flags]);
  const told = toldOf(output);
  return {
    workload: peersWorkloadName,
    system: "roofline",
    label: `${mode}, ${mode === "rpc" ? `stream, ${sizeOf(size)}` : `batches of ${sizeOf(size)}`}`,
    settings: {
      mode,
      batchBytes: size,
      transport: "grpc",
      replication: mode === "produce" ? "raw, 2 followers" : "none",
      fsync: mode === "produce" ? "before every acknowledgement, on a majority" : "none",
    },
    figures: figuresOf(told, mode),
    latencies: {},
  };
}

/** What the tool prints with `--json`, as far as it is used. */
interface Told {
  readonly MBs?: number;
  readonly MBsMin?: number;
  readonly MBsMax?: number;
  readonly batchesPerS?: number;
  readonly requestsPerS?: number;
  readonly cpuSecondsPerGB?: Readonly<Record<string, number>>;
}

function figuresOf(told: Told, mode: string): ResultRow["figures"] {
  if (mode === "rpc") return { recordsPerSecond: told.requestsPerS ?? 0 };
  const { client = 0, ...brokers } = told.cpuSecondsPerGB ?? {};
  return {
    megabytesPerSecond: told.MBs ?? 0,
    megabytesPerSecondMin: told.MBsMin ?? 0,
    megabytesPerSecondMax: told.MBsMax ?? 0,
    batchesPerSecond: told.batchesPerS ?? 0,
    brokersCpuSecondsPerGigabyte: sumOf(Object.values(brokers)),
    generatorCpuSecondsPerGigabyte: client,
  };
}

function toldOf(output: string): Told {
  const line = output.split("\n").find((each) => each.startsWith("{"));
  const told: unknown = JSON.parse(line ?? "null");
  if (typeof told !== "object" || told === null) throw new Error(`roofline printed ${output}`);
  return told;
}

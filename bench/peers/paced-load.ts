import type { ReportedLatency, ResultRow } from "../results/result-file.ts";
import { sizeOf } from "../workloads/produce.ts";

/** What loads print that we wrote with a peer's client: milliseconds since a record was due, at {@link percentiles}. */
export interface PacedLoad {
  /** Those of the warm-up included. */
  readonly allRecords: number;
  readonly recordsPerSecond: number;
  readonly failed: number;
  readonly acknowledged: readonly number[] | null;
  readonly endToEnd: readonly number[] | null;
}

/** The last value is the maximum. */
const percentiles = [50, 75, 90, 95, 99, 99.9, 99.99] as const;

/** Reads the last line that a load printed. Throws where it is something else. */
export function pacedLoadOf(output: string): PacedLoad {
  const line = output.trimEnd().split("\n").at(-1) ?? "";
  const told: unknown = line.startsWith("{") ? JSON.parse(line) : undefined;
  if (!isPacedLoad(told)) throw new Error(`a load printed\n${output.slice(-2000)}`);
  return told;
}

/** A row of what a load measured at half of a peer's peak. */
export function pacedRow(
  row: Pick<ResultRow, "workload" | "system" | "settings">,
  recordBytes: number,
  rate: number,
  { acknowledged, endToEnd, failed, recordsPerSecond }: PacedLoad,
): ResultRow {
  return {
    ...row,
    label: `produce, ${sizeOf(recordBytes)}, 50 % of the peak`,
    settings: { ...row.settings, loop: "open" },
    figures: {
      recordsPerSecond,
      targetRecordsPerSecond: rate,
      loadPercent: 50,
      failedRecords: failed,
    },
    latencies: {
      ...(acknowledged !== null && { acknowledged: latencyOf(acknowledged) }),
      ...(endToEnd !== null && { endToEnd: latencyOf(endToEnd) }),
    },
  };
}

function latencyOf(values: readonly number[]): ReportedLatency {
  const [
    p50Ms = 0,
    p75Ms = 0,
    p90Ms = 0,
    p95Ms = 0,
    p99Ms = 0,
    p999Ms = 0,
    p9999Ms = 0,
    maxMs = 0,
  ] = values;
  const curve = percentiles.map((percentile, i) => [percentile, values[i] ?? 0] as const);
  return { p50Ms, p75Ms, p90Ms, p95Ms, p99Ms, p999Ms, p9999Ms, maxMs, curve };
}

function isPacedLoad(told: unknown): told is PacedLoad {
  return typeof told === "object" && told !== null && "recordsPerSecond" in told;
}

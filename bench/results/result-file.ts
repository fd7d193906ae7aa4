import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { LatencySummary } from "../load/latency-histogram.ts";
import type { Machine } from "./machine.ts";

/** The shape that README.md describes. Fields may be added; a change of their meaning makes a new version. */
export const resultVersion = 1;

/** The numbers that a row may have; README.md says what each is. Units are in the names; MB and GB are decimal. */
export type FigureName =
  | "recordsPerSecond"
  | "megabytesPerSecond"
  | "megabytesPerSecondMin"
  | "megabytesPerSecondMax"
  | "batchesPerSecond"
  | "recordsPerBatch"
  | "failedRecords"
  | "brokersCpuSecondsPerGigabyte"
  | "brokersCpuMicrosecondsPerRecord"
  | "brokersCpuCores"
  | "generatorCpuSecondsPerGigabyte"
  | "generatorCpuCores"
  | "brokersResidentMebibytes"
  | "brokerResidentMebibytesMax"
  | "generatorResidentMebibytes"
  | "flushesPerSecond"
  | "targetRecordsPerSecond"
  | "loadPercent"
  | "rooflinePercent"
  | "startMs"
  | "seconds"
  | "partitions"
  | "elections"
  | "termsAdvanced"
  | "p50Ms"
  | "p99Ms"
  | "maxMs"
  | "brokersDescriptors"
  | "descriptorsPerHour"
  | "descriptorsPerHourError"
  | "residentMebibytesPerHour"
  | "residentMebibytesPerHourError"
  | "brokersKeptMebibytes"
  | "keptMebibytesPerHour"
  | "keptMebibytesPerHourError"
  | "p99MsPerHour"
  | "p99MsPerHourError"
  | "acknowledgementGapMs"
  | "visibleP50Ms"
  | "visibleP99Ms"
  | "cpuMilliseconds";

/** One measurement of one system. */
export interface ResultRow {
  readonly workload: string;
  /** What was measured: `ropewalk`, `roofline`, or a peer with its version. */
  readonly system: string;
  /** What is special about the row, for people; unique among the rows of a workload and system. */
  readonly label: string;
  /** Everything that somebody who wants to take the figures again must know: sizes, batching, acks, flushing. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly figures: Readonly<Partial<Record<FigureName, number>>>;
  readonly latencies: Readonly<Record<string, ReportedLatency>>;
}

/** A peer's own tools tell some percentiles only. */
export type ReportedLatency = Pick<LatencySummary, "curve"> &
  Partial<Omit<LatencySummary, "curve">>;

/** Something that was asked for and could not be measured. */
export interface SkippedRow {
  readonly workload: string;
  readonly system: string;
  readonly reason: string;
}

/** One run of the bench. */
export interface ResultFile {
  readonly version: typeof resultVersion;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationSeconds: number;
  readonly command: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly ResultRow[];
  readonly skipped: readonly SkippedRow[];
}

/** Writes a result file, and the directories above it. */
export function writeResultFile(path: string, result: ResultFile): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
}
/** Reads a result file. Throws where it is of another version, or no result file. */
export function readResultFile(path: string): ResultFile {
  const content: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isResultFile(content))
    throw new Error(`cannot read ${path}: it is no result file of version ${resultVersion}`);
  return content;
}

function isResultFile(content: unknown): content is ResultFile {
  return (
    typeof content === "object" &&
    content !== null &&
    "version" in content &&
    content.version === resultVersion &&
    "rows" in content &&
    Array.isArray(content.rows)
  );
}

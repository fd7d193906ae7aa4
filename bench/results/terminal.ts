import process from "node:process";
import type { FigureName, ReportedLatency, ResultRow } from "./result-file.ts";

const clearLine = "\r\u001B[K";
const labelWidth = 44;

/** Prints rows as they come, and below them, on a terminal, what goes on. */
export class Terminal {
  #workload = "";

  /** Shows what goes on now. */
  progress(text: string): void {
    if (process.stderr.isTTY) process.stderr.write(`${clearLine}… ${text}`);
  }

  /** Prints a row. */
  row(row: ResultRow): void {
    this.#clear();
    if (row.workload !== this.#workload) {
      this.#workload = row.workload;
      console.log(`\n${row.workload}`);
    }
    const name = row.system === "ropewalk" ? row.label : `${row.system}: ${row.label}`;
    console.log(`  ${name.padEnd(labelWidth)} ${lineOf(row)}`);
  }

  /** Prints a sentence between rows. */
  note(text: string): void {
    this.#clear();
    console.log(text);
  }

  #clear(): void {
    if (process.stderr.isTTY) process.stderr.write(clearLine);
  }
}

/** How each figure that a line shows is printed; the others are in the file. */
const shown: readonly (readonly [name: FigureName, digits: number, unit: string])[] = [
  ["recordsPerSecond", 0, "records/s"],
  ["megabytesPerSecond", 1, "MB/s"],
  ["rooflinePercent", 0, "% of the roofline"],
  ["brokersCpuSecondsPerGigabyte", 2, "s/GB brokers"],
  ["generatorCpuSecondsPerGigabyte", 2, "s/GB generator"],
  ["brokerResidentMebibytesMax", 0, "MiB a broker"],
  ["p50Ms", 0, "ms p50"],
  ["p99Ms", 0, "ms p99"],
  ["maxMs", 0, "ms max"],
  ["startMs", 0, "ms until ready"],
  ["seconds", 1, "s"],
  ["acknowledgementGapMs", 0, "ms without an acknowledgement"],
  ["elections", 0, "elections"],
  ["failedRecords", 0, "FAILED"],
];

function lineOf({ figures, latencies }: ResultRow): string {
  const parts = shown.flatMap(([name, digits, unit]) => {
    const value = figures[name];
    if (value === undefined || (name === "failedRecords" && value === 0)) return [];
    return [`${grouped(value, digits)} ${unit}`];
  });
  for (const [name, latency] of Object.entries(latencies)) parts.push(latencyLine(name, latency));
  return parts.join(", ");
}

function latencyLine(name: string, { p50Ms, p99Ms, p999Ms }: ReportedLatency): string {
  const [p50, p99, p999] = [p50Ms, p99Ms, p999Ms].map((ms) => ms?.toFixed(1) ?? "?");
  return `${name} p50 ${p50} p99 ${p99} p99.9 ${p999} ms`;
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

import type { ProcessUsage } from "../cluster/process-usage.ts";
import { LatencyHistogram, type LatencySummary } from "../load/latency-histogram.ts";
import type { LoadResult } from "../load/load-job.ts";
import type { ResultRow } from "../results/result-file.ts";

const bytesPerMebibyte = 1024 * 1024;

/** The figures of one load, and what its process took for them. */
export function loadFigures(result: LoadResult): ResultRow["figures"] {
  const { batches, failedRecords, windowSeconds, windows } = result;
  const rates = windows.map(({ bytes }) => bytes / windowSeconds / 1e6);
  const records = sumOf(windows.map((window) => window.records));
  const gigabytes = sumOf(windows.map((window) => window.bytes)) / 1e9;
  const seconds = windowSeconds * windows.length;
  return {
    recordsPerSecond: records / seconds,
    megabytesPerSecond: (gigabytes * 1000) / seconds,
    megabytesPerSecondMin: Math.min(...rates),
    megabytesPerSecondMax: Math.max(...rates),
    batchesPerSecond: batches / seconds,
    ...(batches > 0 && { recordsPerBatch: records / batches }),
    failedRecords,
    ...(gigabytes > 0 && { generatorCpuSecondsPerGigabyte: result.cpuSeconds / gigabytes }),
    generatorCpuCores: result.cpuSeconds / seconds,
    generatorResidentMebibytes: result.residentBytes / bytesPerMebibyte,
  };
}

/** What the brokers took while a load moved its bytes; nothing where they cannot be seen. */
export function brokerFigures(
  before: readonly ProcessUsage[],
  after: readonly ProcessUsage[],
  { windowSeconds, windows }: LoadResult,
): ResultRow["figures"] {
  if (after.length === 0) return {};
  const cpuSeconds = sumOf(after.map(({ cpuMs }, i) => cpuMs - (before[i]?.cpuMs ?? 0))) / 1000;
  const gigabytes = sumOf(windows.map(({ bytes }) => bytes)) / 1e9;
  const records = sumOf(windows.map((window) => window.records));
  const resident = after.map(({ residentBytes }) => residentBytes / bytesPerMebibyte);
  return {
    brokersCpuCores: cpuSeconds / (windowSeconds * windows.length),
    ...(gigabytes > 0 && { brokersCpuSecondsPerGigabyte: cpuSeconds / gigabytes }),
    ...(records > 0 && { brokersCpuMicrosecondsPerRecord: (cpuSeconds * 1e6) / records }),
    brokersResidentMebibytes: sumOf(resident),
    brokerResidentMebibytesMax: Math.max(...resident),
  };
}

/** The latencies that loads measured, under their names. */
export function latencyFigures(...results: readonly LoadResult[]): Record<string, LatencySummary> {
  const named = results.flatMap(({ latencies }) => Object.entries(latencies));
  return Object.fromEntries(
    named.map(([name, counts]) => [name, LatencyHistogram.of(counts).summary()]),
  );
}

/** The sum; 0 of nothing. */
export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** The smallest of the values that a share of all does not exceed; 0 of nothing. */
export function percentileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(sorted.length * share), 1) - 1] ?? 0;
}

/** What went through, and how long it took. */
export interface Throughput {
  readonly recordCount: number;
  readonly bytes: number;
  readonly durationMs: number;
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** One line: records, bytes, seconds and the rates, for people. */
export function formatThroughput({ recordCount, bytes, durationMs }: Throughput): string {
  // Below a millisecond the clock says nothing; the rates must not become infinite.
  const seconds = Math.max(durationMs, 1) / 1000;
  const records = `${recordCount} record${recordCount === 1 ? "" : "s"}`;
  const rates = `${Math.round(recordCount / seconds)} records/s, ${formatBytes(bytes / seconds)}/s`;
  return `${records}, ${formatBytes(bytes)} in ${seconds.toFixed(seconds < 10 ? 3 : 1)} s (${rates})`;
}

/** A number of bytes with a decimal unit: `15 B`, `1.5 MB`. */
export function formatBytes(bytes: number): string {
  let scaled = bytes;
  let unit = 0;
  while (scaled >= 1000 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

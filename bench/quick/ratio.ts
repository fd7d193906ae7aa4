import type { ResultRow } from "../results/result-file.ts";

/** What `bench:quick` compares with the last baseline; ratios, because a machine's mood is in both of their sides. */
export interface Ratio {
  /** Unique; the baseline knows it by this name. */
  readonly name: string;
  readonly value: number;
  /** "%" of the roofline, or the unit of a figure that has no roofline. */
  readonly unit: string;
  readonly isBetter: "higher" | "lower";
}

/** The rows of the roofline's three modes. */
export interface RooflineRows {
  readonly produce: ResultRow;
  readonly fetch: ResultRow;
  readonly rpc: ResultRow;
}

/** Rows of ours that are compared, under the names that the ratios get. */
export interface QuickRows {
  readonly produced: Readonly<Record<string, ResultRow>>;
  readonly sent: Readonly<Record<string, ResultRow>>;
  readonly fetched: Readonly<Record<string, ResultRow>>;
  readonly paced: Readonly<Record<string, ResultRow>>;
}

/**
 * Ratios of ours to the roofline: bytes of values against its batches for produce and fetch, records against its requests
 * for records that travel alone; processor time against processor time. Without a roofline only what needs none is left.
 */
export function ratiosOf(rows: QuickRows, roofline: RooflineRows | undefined): readonly Ratio[] {
  const ratios: Ratio[] = [];
  const add = (
    name: string,
    value: number | undefined,
    unit: string,
    isBetter: Ratio["isBetter"],
  ) => {
    if (value !== undefined && Number.isFinite(value)) ratios.push({ name, value, unit, isBetter });
  };
  for (const [name, { figures }] of Object.entries(rows.produced)) {
    const most = roofline?.produce.figures;
    add(name, percentOf(figures.megabytesPerSecond, most?.megabytesPerSecond), "%", "higher");
    const [ours, least] = [figures, most].map((each) => each?.brokersCpuSecondsPerGigabyte);
    add(`${name}, brokers' processor time`, percentOf(ours, least), "%", "lower");
    add(`${name}, memory of a broker`, figures.brokerResidentMebibytesMax, "MiB", "lower");
  }
  for (const [name, { figures }] of Object.entries(rows.sent)) {
    const most = roofline?.rpc.figures.recordsPerSecond;
    add(name, percentOf(figures.recordsPerSecond, most), "%", "higher");
  }
  for (const [name, { figures }] of Object.entries(rows.fetched)) {
    const most = roofline?.fetch.figures.megabytesPerSecond;
    add(name, percentOf(figures.megabytesPerSecond, most), "%", "higher");
  }
  for (const [name, { latencies }] of Object.entries(rows.paced)) {
    add(`${name}, p50`, latencies["endToEnd"]?.p50Ms, "ms", "lower");
    add(`${name}, p99`, latencies["endToEnd"]?.p99Ms, "ms", "lower");
  }
  return ratios;
}

function percentOf(value: number | undefined, whole: number | undefined): number | undefined {
  return value === undefined || whole === undefined ? undefined : (100 * value) / whole;
}

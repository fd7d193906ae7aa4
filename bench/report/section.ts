import type { ResultRow } from "../results/result-file.ts";
import { type Bar, barChart } from "./bar-chart.ts";
import { escaped, readable, shortCount } from "./markup.ts";
import { percentileChart } from "./percentile-chart.ts";
import { comparisonsOf } from "./side-by-side.ts";
import { figuresTable, latencyTable } from "./tables.ts";

const seriesMax = 8;

/** The plots and tables of one workload. */
export function sectionOf(rows: readonly ResultRow[], systems: readonly string[]): string {
  const parts: string[] = [];
  const present = systems.filter((system) => rows.some((row) => row.system === system));
  if (present.length > 1) parts.push(legendOf(present, systems));
  const comparisons = comparisonsOf(present.length > 1 ? rows : []);
  for (const { nameOf, rows: group, title } of comparisons)
    parts.push(barsOf(title, group, systems, nameOf));
  if (comparisons.length === 0)
    for (const [title, group] of groupsOf(rows)) parts.push(barsOf(title, group, systems, labelOf));
  parts.push(...curvesOf(rows, systems));
  const plain = rows.filter(
    ({ figures, latencies }) =>
      figures.megabytesPerSecond === undefined &&
      (figures.p99Ms !== undefined || Object.keys(latencies).length === 0),
  );
  if (plain.length > 0) parts.push(card("", figuresTable(plain)));
  parts.push(
    `<details><summary>Every figure, and how it was taken</summary><div class="card">${figuresTable(rows, "settings")}</div></details>`,
  );
  return parts.join("\n");
}

/** Bars that share a scale: those of rows with records of the same size. */
function groupsOf(rows: readonly ResultRow[]): Map<string, ResultRow[]> {
  const measured = rows.filter(
    ({ figures, latencies }) =>
      figures.megabytesPerSecond !== undefined && Object.keys(latencies).length === 0,
  );
  return Map.groupBy(measured, ({ settings, workload }) =>
    workload === "latency" ? "The peak of a closed loop" : sizeTitle(settings["recordBytes"]),
  );
}

function sizeTitle(bytes: unknown): string {
  if (typeof bytes !== "number") return "Throughput";
  return bytes < 1024 ? `Records of ${bytes} B` : `Records of ${bytes / 1024} KiB`;
}

function barsOf(
  title: string,
  rows: readonly ResultRow[],
  systems: readonly string[],
  nameOf: (row: ResultRow) => string,
): string {
  const bars = rows.map((row): Bar => {
    const { figures } = row;
    return {
      label: nameOf(row),
      value: figures.megabytesPerSecond ?? 0,
      low: figures.megabytesPerSecondMin,
      high: figures.megabytesPerSecondMax,
      note: noteOf(row),
      series: seriesOf(row, systems),
    };
  });
  return card(title, barChart("MB/s", bars));
}

function labelOf({ label, system }: ResultRow): string {
  return system === "ropewalk" ? label : `${system}: ${label}`;
}

function noteOf({ figures }: ResultRow): string {
  const notes: string[] = [];
  if (figures.recordsPerSecond !== undefined)
    notes.push(`${shortCount(figures.recordsPerSecond)} rec/s`);
  if (figures.brokersCpuSecondsPerGigabyte !== undefined)
    notes.push(`${readable(figures.brokersCpuSecondsPerGigabyte)} s/GB`);
  if (figures.rooflinePercent !== undefined)
    notes.push(`${Math.round(figures.rooflinePercent)} % of roofline`);
  return notes.join(" · ");
}

/** What has a chart, in this order; what the generator itself added is in the tables. */
const latencyTitles: Readonly<Record<string, string>> = {
  endToEnd: "due to consumed",
  acknowledged: "due to acknowledged",
  commit: "commit",
};

/** A chart for each latency that rows have in common and each size of record. */
function curvesOf(rows: readonly ResultRow[], systems: readonly string[]): string[] {
  return Object.keys(latencyTitles).flatMap((name) => {
    const having = rows.filter(({ latencies }) => (latencies[name]?.curve.length ?? 0) > 0);
    return [...Map.groupBy(having, ({ settings }) => sizeTitle(settings["recordBytes"]))].map(
      ([size, group]) => curveCard(name, size, group, systems),
    );
  });
}

function curveCard(
  name: string,
  size: string,
  rows: readonly ResultRow[],
  systems: readonly string[],
): string {
  const isMixed = new Set(rows.map(({ system }) => system)).size > 1;
  const lines = rows.map((row, i) => ({
    label: isMixed ? row.system : lineLabel(row),
    curve: row.latencies[name]?.curve ?? [],
    series: isMixed ? seriesOf(row, systems) : ([0, 4, 2, 5, 6, 7][i % 6] ?? 0),
    dash: isMixed ? rows.filter((each, k) => k < i && each.system === row.system).length % 3 : 0,
  }));
  const title = size === "Throughput" ? "" : `${size}: `;
  const chart = percentileChart(lines);
  return card(`${title}${latencyTitles[name] ?? name}`, chart + latencyTable(rows, name));
}

function lineLabel({ figures, label }: ResultRow): string {
  return figures.loadPercent === undefined
    ? (label.split(",")[0] ?? label)
    : `${figures.loadPercent} % of the peak`;
}

function seriesOf({ system }: ResultRow, systems: readonly string[]): number {
  return systems.indexOf(system) % seriesMax;
}

function legendOf(present: readonly string[], systems: readonly string[]): string {
  const keys = present.map(
    (system) =>
      `<span><i class="key-${systems.indexOf(system) % seriesMax}"></i>${escaped(system)}</span>`,
  );
  return `<div class="legend">${keys.join("")}</div>`;
}

function card(title: string, content: string): string {
  const heading = title === "" ? "" : `<h3>${escaped(title)}</h3>`;
  return `<div class="card">${heading}${content}</div>`;
}

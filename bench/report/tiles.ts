import type { FigureName, ResultRow } from "../results/result-file.ts";
import { escaped, readable, shortCount } from "./markup.ts";

import { factorsOf } from "./side-by-side.ts";

/** The few figures that somebody looks for first, as far as they were measured. */
export function tilesOf(rows: readonly ResultRow[]): string {
  const ours = rows.filter(({ system }) => system === "ropewalk");
  const produced = ours.filter(({ workload }) => workload === "produce");
  const tiles = [
    tile(
      largest(produced, "recordsPerSecond"),
      shortCount,
      "records/s produced, flushed on a majority of 3",
    ),
    tile(
      largest(produced, "megabytesPerSecond"),
      (mb) => `${readable(mb)} MB/s`,
      "of values produced, at best",
    ),
    tile(
      largest(
        ours.filter(({ workload }) => workload === "fetch"),
        "megabytesPerSecond",
      ),
      (mb) => `${readable(mb)} MB/s`,
      "of values fetched, at best",
    ),
    tile(
      halfLoadP99(ours),
      (ms) => `${readable(ms)} ms`,
      "p99 from due to consumed, at half of the peak",
    ),
    tile(
      largest(
        ours.filter(({ workload }) => workload === "failover"),
        "p99Ms",
      ),
      (ms) => `${readable(ms)} ms`,
      "p99 until a killed broker's partitions are led again",
    ),
    tile(
      first(
        ours.filter(({ workload }) => workload === "recovery"),
        "startMs",
      ),
      (ms) => `${readable(ms)} ms`,
      "until three empty brokers are a cluster",
    ),
    tile(
      largest(produced, "brokerResidentMebibytesMax"),
      (mib) => `${readable(mib)} MiB`,
      "resident memory of a broker under load, at most",
    ),
  ];
  const factors = factorsOf(rows.filter(({ workload }) => workload === "peers"));
  for (const { factor, system, title } of factors)
    tiles.push(tile(factor, (times) => `${readable(times)} ×`, `the rate of ${system}, ${title}`));
  return `<div class="tiles">${tiles.join("")}</div>`;
}

function tile(value: number | undefined, show: (value: number) => string, text: string): string {
  if (value === undefined) return "";
  return `<div class="tile"><b>${escaped(show(value))}</b><span>${escaped(text)}</span></div>`;
}

function valuesOf(rows: readonly ResultRow[], name: FigureName): number[] {
  return rows.flatMap(({ figures }) => figures[name] ?? []);
}

function largest(rows: readonly ResultRow[], name: FigureName): number | undefined {
  return valuesOf(rows, name).toSorted((a, b) => b - a)[0];
}

function first(rows: readonly ResultRow[], name: FigureName): number | undefined {
  return valuesOf(rows, name)[0];
}

function halfLoadP99(rows: readonly ResultRow[]): number | undefined {
  return rows.find(({ figures }) => figures.loadPercent === 50)?.latencies["endToEnd"]?.p99Ms;
}

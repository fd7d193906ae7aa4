import type { FigureName, ResultRow } from "../results/result-file.ts";
import { escaped, readable } from "./markup.ts";

/** Every figure of the rows, a column for each that any of them has; with how they were taken, if wanted. */
export function figuresTable(
  rows: readonly ResultRow[],
  extra: "settings" | "none" = "none",
): string {
  const names = [...new Set(rows.flatMap(({ figures }) => figureNames(figures)))];
  const isMixed = new Set(rows.map(({ system }) => system)).size > 1;
  const heads = names.map((name) => `<th>${titleOf(name)}</th>`);
  if (extra === "settings") heads.push("<th>how</th>");
  const lines = rows.map((row) => {
    const label = isMixed ? `${row.system}: ${row.label}` : row.label;
    const cells = names.map((name) => `<td>${cellOf(row.figures[name])}</td>`);
    if (extra === "settings") cells.push(`<td class="settings">${settingsOf(row)}</td>`);
    return `<tr><td>${escaped(label)}</td>${cells.join("")}</tr>`;
  });
  return `<table><thead><tr><th></th>${heads.join("")}</tr></thead><tbody>${lines.join("")}</tbody></table>`;
}

/** The usual percentiles of one latency, and how much of it was the generator's own. */
export function latencyTable(rows: readonly ResultRow[], name: string): string {
  const heads = ["rec/s", "p50", "p90", "p99", "p99.9", "p99.99", "max", "generator p99"];
  const lines = rows.map(({ figures, label, latencies, system }) => {
    const latency = latencies[name];
    const own = latencies["generatorDelay"]?.p99Ms;
    if (latency === undefined) return "";
    const { maxMs, p50Ms, p90Ms, p9999Ms, p999Ms, p99Ms } = latency;
    const values = [figures.recordsPerSecond, p50Ms, p90Ms, p99Ms, p999Ms, p9999Ms, maxMs, own];
    const cells = values.map((value) => `<td>${cellOf(value)}</td>`).join("");
    const prefix = system === "ropewalk" ? "" : `${system}: `;
    return `<tr><td>${escaped(prefix + label)}</td>${cells}</tr>`;
  });
  const head = heads.map((each) => `<th>${each}</th>`).join("");
  return `<table><thead><tr><th>milliseconds</th>${head}</tr></thead><tbody>${lines.join("")}</tbody></table>`;
}

function figureNames(figures: ResultRow["figures"]): FigureName[] {
  // What an object literal of a row names are figures.
  return Object.keys(figures).filter((name): name is FigureName => name in figures);
}

/** "brokersCpuSecondsPerGigabyte" → "brokers cpu seconds per gigabyte" */
function titleOf(name: string): string {
  return name.replaceAll(/[A-Z]+/g, (letters) => ` ${letters.toLowerCase()}`);
}

function cellOf(value: number | undefined): string {
  return value === undefined ? "" : readable(value);
}

function settingsOf({ settings }: ResultRow): string {
  return Object.entries(settings)
    .map(([name, value]) => `${escaped(name)} ${escaped(value)}`)
    .join("; ");
}

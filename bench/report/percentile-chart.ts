import { escaped, readable } from "./markup.ts";

/** The distribution of one row's latencies. */
export interface PercentileLine {
  readonly label: string;
  /** Pairs of percentile and milliseconds, rising. */
  readonly curve: readonly (readonly [percentile: number, ms: number])[];
  /** Which of the page's colours. */
  readonly series: number;
  /** Which of the page's dashes. */
  readonly dash: number;
}

const width = 960;
const height = 380;
const left = 70;
const right = 270;
const top = 16;
const bottom = 44;
/** Each nine of a percentile takes the same room, up to five of them. */
const ninesMax = 4.3;
const shownPercentiles = [0, 50, 90, 99, 99.9, 99.99];
const msMin = 0.05;
const labelPitch = 17;

/** Latency over percentile, both logarithmic: a tail that is ten times rarer is one step to the right. */
export function percentileChart(lines: readonly PercentileLine[]): string {
  const values = lines.flatMap(({ curve }) => curve.filter(isShown).map(([, ms]) => ms));
  const lowest = 10 ** Math.floor(Math.log10(Math.max(Math.min(...values), msMin)));
  const highest = 10 ** Math.ceil(Math.log10(Math.max(...values, lowest * 10)));
  const y = (ms: number): number => {
    const share = Math.log(Math.max(ms, lowest) / lowest) / Math.log(highest / lowest);
    return height - bottom - share * (height - top - bottom);
  };
  const parts = [gridOf(lowest, highest, y), ...lines.map((line) => pathOf(line, y))];
  parts.push(...labelsOf(lines, y));
  return `<svg class="curve" viewBox="0 0 ${width} ${height}" role="img">${parts.join("")}</svg>`;
}

function isShown([percentile]: readonly [number, number]): boolean {
  return ninesOf(percentile) <= ninesMax;
}

function ninesOf(percentile: number): number {
  return -Math.log10(1 - percentile / 100);
}

function x(percentile: number): number {
  return left + (ninesOf(percentile) / ninesMax) * (width - left - right);
}

function gridOf(lowest: number, highest: number, y: (ms: number) => number): string {
  const columns = shownPercentiles.map((percentile) => {
    const at = x(percentile).toFixed(1);
    const name = percentile === 0 ? "" : `p${percentile}`;
    return `<path class="grid" d="M${at} ${top}V${height - bottom}"/><text class="tick" x="${at}" y="${height - bottom + 22}" text-anchor="middle">${name}</text>`;
  });
  const rows: string[] = [];
  for (let decade = lowest; decade <= highest; decade *= 10) {
    for (const ms of [decade, 2 * decade, 5 * decade]) {
      if (ms > highest * 1.001) continue;
      const at = y(ms).toFixed(1);
      rows.push(`<path class="grid" d="M${left} ${at}H${width - right}"/>`);
      const text = ms >= 1000 ? `${readable(ms / 1000)} s` : `${readable(ms)} ms`;
      rows.push(
        `<text class="tick" x="${left - 10}" y="${at}" dy="4" text-anchor="end">${text}</text>`,
      );
    }
  }
  return [...columns, ...rows].join("");
}

function pathOf({ curve, dash, series }: PercentileLine, y: (ms: number) => number): string {
  const points = curve.filter(isShown).map(([p, ms]) => `${x(p).toFixed(1)} ${y(ms).toFixed(1)}`);
  return `<path class="line stroke-${series} dash-${dash}" d="M${points.join("L")}"/>`;
}

/** Names at the ends of the lines, pushed apart where they would lie on each other. */
function labelsOf(lines: readonly PercentileLine[], y: (ms: number) => number): string[] {
  const ends = lines.map((line) => ({ line, at: y(line.curve.filter(isShown).at(-1)?.[1] ?? 0) }));
  let free = top;
  const placed = ends
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, line }) => {
      const place = Math.max(at, free);
      free = place + labelPitch;
      return { place, line };
    });
  const overflow = Math.max(0, free - labelPitch - (height - bottom));
  return placed.map(
    ({ line, place }) =>
      `<text class="text-${line.series}" x="${width - right + 10}" y="${(place - overflow + 4).toFixed(1)}">${escaped(line.label)}</text>`,
  );
}

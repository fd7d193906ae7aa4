import { escaped, readable } from "./markup.ts";

/** One bar: a mean, and how far the windows it comes from lie apart. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** Small, behind the value. */
  readonly note: string;
  /** Which of the page's colours. */
  readonly series: number;
}

const width = 960;
const labelWidth = 320;
const noteWidth = 270;
const barHeight = 22;
const pitch = 34;
const barsWidth = width - labelWidth - noteWidth;

/** Horizontal bars on one scale from zero, each with its value written beside it. */
export function barChart(unit: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ high, value }) => Math.max(value, high ?? 0)), 1e-9);
  const rows = bars.map((bar, i) => oneBar(bar, unit, i * pitch, most));
  const height = bars.length * pitch;
  return `<svg class="bars" viewBox="0 0 ${width} ${height}" role="img">${rows.join("")}</svg>`;
}

function oneBar(bar: Bar, unit: string, y: number, most: number): string {
  const length = Math.max((bar.value / most) * barsWidth, 1);
  const middle = y + barHeight / 2;
  const text = `<tspan class="value">${readable(bar.value)} ${unit}</tspan> <tspan class="note">${escaped(bar.note)}</tspan>`;
  const end = labelWidth + Math.max(length, whiskerEnd(bar, most)) + 10;
  return [
    `<text class="label" x="${labelWidth - 14}" y="${middle + 5}" text-anchor="end">${escaped(bar.label)}</text>`,
    `<rect class="fill-${bar.series}" x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="3"/>`,
    whisker(bar, middle, most),
    `<text x="${end.toFixed(1)}" y="${middle + 5}">${text}</text>`,
  ].join("");
}

function whisker({ high, low }: Bar, middle: number, most: number): string {
  if (low === undefined || high === undefined) return "";
  const [from, to] = [low, high].map((each) => (labelWidth + (each / most) * barsWidth).toFixed(1));
  const ends = [from, to].map((x) => `M${x} ${middle - 5}V${middle + 5}`).join("");
  return `<path class="whisker" d="M${from} ${middle}H${to}${ends}"/>`;
}

function whiskerEnd({ high }: Bar, most: number): number {
  return high === undefined ? 0 : (high / most) * barsWidth;
}

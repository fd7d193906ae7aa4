import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Machine } from "../results/machine.ts";
import type { Ratio } from "./ratio.ts";

/** What is compared with: the ratios of a quiet run that somebody committed. */
export interface Baseline {
  readonly takenAt: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly ratios: readonly Ratio[];
}

const path = fileURLToPath(new URL("baseline.json", import.meta.url));
/** From run to run so much is nothing. */
const scatter = 0.15;
const nameWidth = 56;
const numberWidth = 12;

/** The committed baseline; undefined where there is none yet. */
export function readBaseline(): Baseline | undefined {
  if (!existsSync(path)) return undefined;
  const content: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isBaseline(content)) throw new Error(`cannot read ${path}: it is no baseline`);
  return content;
}

/** Replaces the baseline; answers where it is. */
export function writeBaseline(baseline: Baseline): string {
  writeFileSync(path, `${JSON.stringify(baseline, undefined, 2)}\n`);
  return path;
}

/** Each ratio beside the baseline's, with a word where it differs by more than runs do. */
export function comparisonOf(ratios: readonly Ratio[], baseline: Baseline | undefined): string {
  const known = new Map(baseline?.ratios.map((ratio) => [ratio.name, ratio]));
  const lines = ratios.map((ratio) => {
    const before = known.get(ratio.name);
    const numbers = [ratio, before].map((each) => shown(each).padStart(numberWidth)).join("");
    return `${ratio.name.padEnd(nameWidth)}${numbers}  ${verdictOf(ratio, before)}`.trimEnd();
  });
  const since = baseline === undefined ? "no baseline yet" : `baseline of ${baseline.commit}`;
  const head = `${"".padEnd(nameWidth)}${"now".padStart(numberWidth)}${"then".padStart(numberWidth)}  ${since}`;
  return [head, ...lines].join("\n");
}

/** "better" or "worse" where the two differ by more than runs do. */
export function verdictOf(now: Ratio, before: Ratio | undefined): string {
  if (before === undefined || before.value === 0) return "";
  const change = now.value / before.value - 1;
  if (Math.abs(change) <= scatter) return "";
  const isBetter = change > 0 === (now.isBetter === "higher");
  return `${isBetter ? "better" : "WORSE"} (${change > 0 ? "+" : "−"}${Math.abs(change * 100).toFixed(0)} %)`;
}

function shown(ratio: Ratio | undefined): string {
  if (ratio === undefined) return "–";
  return `${ratio.value.toFixed(ratio.unit === "ms" ? 1 : 0)} ${ratio.unit}`;
}

function isBaseline(content: unknown): content is Baseline {
  return (
    typeof content === "object" &&
    content !== null &&
    "ratios" in content &&
    Array.isArray(content.ratios)
  );
}

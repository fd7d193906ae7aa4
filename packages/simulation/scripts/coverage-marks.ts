/*
 * Runs seeds, and tells how often each fault happened and each rare branch of `coverageMarks` was taken:
 * `npm run simulate:marks -- [--seeds 100] [--from 1]`. Fails where a branch was never taken, or a fault happened less than
 * once a seed. V8 counts (NODE_V8_COVERAGE), so that the product has nothing in it for this.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { coverageMarks } from "../src/marks/coverage-marks.ts";
import { type CoveredScript, markHits } from "../src/marks/mark-hits.ts";
import { usualFaults } from "../src/index.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "100" }, from: { type: "string", default: "1" } },
});

const packages = join(import.meta.dirname, "../..");
const seeds = Number(values.seeds);

function runSeeds(directory: string): string {
  const script = join(import.meta.dirname, "simulate.ts");
  const args = ["--conditions=source", script, "--from", values.from, "--seeds", values.seeds];
  const env = { ...process.env, NODE_V8_COVERAGE: directory };
  const options = { encoding: "utf8", env, maxBuffer: 1 << 28 } as const;
  const { status, stdout } = spawnSync(process.execPath, args, options);
  if (status !== 0) process.stdout.write(stdout);
  return stdout;
}

function readScripts(directory: string): CoveredScript[] {
  return readdirSync(directory).flatMap((name) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- V8 wrote it.
    const { result } = JSON.parse(readFileSync(join(directory, name), "utf8")) as {
      readonly result: CoveredScript[];
    };
    return result;
  });
}

function faultCounts(stdout: string): Map<string, number> {
  const counts = new Map<string, number>(usualFaults.map((kind) => [kind, 0]));
  for (const line of stdout.split("\n").filter((each) => each.startsWith("seed "))) {
    for (const [, kind = "", count] of line.matchAll(/(?:; |, )([a-z][a-z -]*) (\d+)(?=,|$)/g)) {
      const before = counts.get(kind);
      if (before !== undefined) counts.set(kind, before + Number(count));
    }
  }
  return counts;
}

const directory = mkdtempSync(join(tmpdir(), "ropewalk-marks-"));
let missed = 0;
function row(name: string, hits: number, least: number): void {
  if (hits < least) missed++;
  process.stdout.write(`| ${name} | ${hits}${hits < least ? " (too few)" : ""} |\n`);
}
try {
  const stdout = runSeeds(directory);
  process.stdout.write(`| fault | in ${seeds} seeds |\n| --- | --- |\n`);
  for (const [kind, count] of faultCounts(stdout)) row(kind, count, seeds);
  process.stdout.write(`\n| branch | in ${seeds} seeds |\n| --- | --- |\n`);
  const scripts = readScripts(directory);
  for (const mark of coverageMarks) {
    const source = readFileSync(join(packages, mark.file), "utf8");
    row(mark.name, markHits(mark, source, scripts), 1);
  }
} finally {
  rmSync(directory, { recursive: true });
}
process.exit(missed === 0 ? 0 : 1);

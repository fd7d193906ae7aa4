/*
 * Runs seeds: `npm run simulate -- --seed S`, `--seeds N`, `--minutes M`; `--from S` begins the count there, `--faults a,b`
 * allows only these, `--trace` prints what happens, `--twice` runs each seed again and compares.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import {
  type FaultKind,
  faultKinds,
  optionsOfSeed,
  Run,
  type RunOutcome,
  usualFaults,
} from "../src/index.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1" },
    minutes: { type: "string" },
    from: { type: "string" },
    faults: { type: "string" },
    trace: { type: "boolean", default: false },
    twice: { type: "boolean", default: false },
    "until-failure": { type: "boolean", default: false },
  },
});

function allowedFaults(): readonly FaultKind[] {
  const names = values.faults?.split(",").filter((name) => name !== "");
  if (names === undefined) return usualFaults;
  const unknown = names.find((name) => !faultKinds.some((kind) => kind === name));
  if (unknown !== undefined)
    throw new Error(`no fault is called ${unknown}: ${faultKinds.join(", ")}`);
  return faultKinds.filter((kind) => names.includes(kind));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function runSeed(seed: string): Promise<RunOutcome> {
  return new Run(optionsOfSeed(seed, allowedFaults()), values.trace ? print : undefined).run();
}

function report(outcome: RunOutcome, tookMs: number): void {
  const { acknowledgedCount, eventCount, failures, seed, simulatedMs, writtenCount } = outcome;
  const speed = (simulatedMs / tookMs).toFixed(0);
  const faults = [...outcome.faultCounts].map(([kind, count]) => `${kind} ${count}`).join(", ");
  print(
    `seed ${seed}: ${failures.length === 0 ? "ok" : "FAILED"}, ${outcome.traceHash}, ${(simulatedMs / 1000).toFixed(0)} s at ${speed}x, ` +
      `${eventCount} events, ${acknowledgedCount}/${writtenCount} records, ${outcome.seenCount} seen; ${faults}`,
  );
  if (failures.length === 0) return;
  for (const line of outcome.lastLines.slice(-12)) print(line);
  for (const failure of failures) print(`  ${failure}`);
  print(
    `  npm run simulate -- --seed ${seed}${values.faults === undefined ? "" : ` --faults "${values.faults}"`} --trace`,
  );
}

const startMs = performance.now();
const first = Number(values.from ?? Math.floor(Date.now() / 1000));
const limitMs = values.minutes === undefined ? Infinity : Number(values.minutes) * 60_000;
const count = values.minutes === undefined ? Number(values.seeds) : Infinity;
let failed = 0;
let done = 0;
for (; done < count && performance.now() - startMs < limitMs; done++) {
  const seed = values.seed ?? String(first + done);
  const seedStartMs = performance.now();
  const outcome = await runSeed(seed);
  report(outcome, performance.now() - seedStartMs);
  if (outcome.failures.length > 0) failed++;
  if (failed > 0 && values["until-failure"]) break;
  if (!values.twice) continue;
  const again = await runSeed(seed);
  if (again.traceHash !== outcome.traceHash) {
    failed++;
    print(`seed ${seed} is not the same twice: ${outcome.traceHash}, ${again.traceHash}`);
  }
}
print(`${done} seeds, ${failed} failed, ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
process.exit(failed === 0 ? 0 : 1);

/*
 * Runs seeds: `npm run simulate -- --seed S`, `--seeds N`, `--minutes M`; `--from S` begins the count there, `--faults a,b`
 * allows only these, `--trace` prints what happens, `--twice` runs each seed again and compares. `--minimize` makes the
 * first seed that fails smaller; what it prints, `--options`, is JSON that takes the place of the seed's own options.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import {
  type FaultKind,
  faultKinds,
  minimize,
  optionsOfSeed,
  Run,
  type RunOptions,
  type RunOutcome,
  usualFaults,
} from "../src/index.ts";

/** Runs that making a failing seed smaller may take. */
const minimizeRunsMax = 150;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1" },
    minutes: { type: "string" },
    from: { type: "string" },
    faults: { type: "string" },
    options: { type: "string", default: "{}" },
    minimize: { type: "boolean", default: false },
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

function optionsOf(seed: string): RunOptions {
  const changes: unknown = JSON.parse(values.options);
  const own = optionsOfSeed(seed, allowedFaults());
  const unknown = Object.keys(changes ?? {}).find((name) => name !== "strikes" && !(name in own));
  if (unknown !== undefined) throw new Error(`no option of a run is called ${unknown}`);
  return Object.assign(own, changes);
}

async function runSeed(seed: string): Promise<RunOutcome> {
  return new Run(optionsOf(seed), values.trace ? print : undefined).run();
}

async function minimizeSeed(seed: string): Promise<void> {
  const changes = await minimize(optionsOf(seed), {
    run: (options) => new Run(options).run(),
    runsMax: minimizeRunsMax,
    onSmaller: (smaller) => print(`  still fails: ${JSON.stringify(smaller)}`),
  });
  print(
    `  npm run simulate -- --seed ${seed}${faultsFlag()} --options '${JSON.stringify(changes)}'`,
  );
}

function faultsFlag(): string {
  return values.faults === undefined ? "" : ` --faults "${values.faults}"`;
}

/** What all threads of this process have computed: unlike time it is much the same on a busy machine. */
function cpuMs(): number {
  const { system, user } = process.cpuUsage();
  return (system + user) / 1000;
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
  const optionsFlag = values.options === "{}" ? "" : ` --options '${values.options}'`;
  print(`  npm run simulate -- --seed ${seed}${faultsFlag()}${optionsFlag} --trace`);
}

const startMs = performance.now();
const first = Number(values.from ?? Math.floor(Date.now() / 1000));
const limitMs = values.minutes === undefined ? Infinity : Number(values.minutes) * 60_000;
const count = values.minutes === undefined ? Number(values.seeds) : Infinity;
let failed = 0;
let done = 0;
let simulatedMs = 0;
let spentMs = 0;
for (; done < count && performance.now() - startMs < limitMs; done++) {
  const seed = values.seed ?? String(first + done);
  const seedStartMs = cpuMs();
  const outcome = await runSeed(seed);
  report(outcome, cpuMs() - seedStartMs);
  simulatedMs += outcome.simulatedMs;
  spentMs += cpuMs() - seedStartMs;
  if (outcome.failures.length > 0) failed++;
  if (failed > 0 && values.minimize) await minimizeSeed(seed);
  if (failed > 0 && (values["until-failure"] || values.minimize)) break;
  if (!values.twice) continue;
  const again = await runSeed(seed);
  if (again.traceHash !== outcome.traceHash) {
    failed++;
    print(`seed ${seed} is not the same twice: ${outcome.traceHash}, ${again.traceHash}`);
  }
}
print(
  `${done} seeds, ${failed} failed, ${((performance.now() - startMs) / 1000).toFixed(0)} s; ` +
    `${(simulatedMs / 1000).toFixed(0)} s of the runs' time in ${(spentMs / 1000).toFixed(0)} s of CPU time (${(simulatedMs / spentMs).toFixed(0)}x)`,
);
process.exit(failed === 0 ? 0 : 1);

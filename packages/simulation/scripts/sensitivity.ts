/*
 * Plants one bug after another in a copy of the sources, and counts the seeds until a run finds it:
 * `npm run simulate:sensitivity -- [--seeds 200] [--bug "WORDS|WORDS"]`. Prints the table that the README keeps.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import type { PlantedBug } from "./planted-bugs/planted-bug.ts";
import { plantedBugs } from "./planted-bugs/planted-bugs.ts";
import { simulateFlags } from "./simulate-flags.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "200" }, bug: { type: "string", default: "" } },
});

const root = resolve(import.meta.dirname, "../../..");
const ownScopes = new Set(["@ropewalk", "raft-ts"]);

/** A checkout's sources with everything else linked. */
function copyOfSources(): string {
  const copy = mkdtempSync(join(tmpdir(), "ropewalk-sensitivity-"));
  const modules = join(copy, "node_modules");
  mkdirSync(join(modules, "@ropewalk"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (!ownScopes.has(name)) symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  for (const name of readdirSync(join(root, "packages"), { withFileTypes: true })) {
    if (!name.isDirectory()) continue;
    const target = join(copy, "packages", name.name);
    for (const part of ["src", "scripts", "package.json"]) {
      const from = join(root, "packages", name.name, part);
      if (existsSync(from)) cpSync(from, join(target, part), { recursive: true });
    }
    const link =
      name.name === "raft-ts" ? join(modules, name.name) : join(modules, "@ropewalk", name.name);
    symlinkSync(target, link);
  }
  return copy;
}

/** Words of a bug's name, of several with bars between them. */
function isWanted({ name }: PlantedBug): boolean {
  return values.bug.split("|").some((words) => name.includes(words));
}

/** How soon a bug was found, and as what; no `seeds`: it was not. */
interface Finding {
  readonly seeds?: number;
  readonly what: string;
}

/** Bugs whose place in the sources is not there any more, or not only once: they test nothing. */
function misplacedBugs(): string[] {
  return plantedBugs.flatMap(({ file, find, name }) => {
    const count = readFileSync(join(root, "packages", file), "utf8").split(find).length - 1;
    return count === 1 ? [] : [`${file} has ${count} places for the bug: ${name}`];
  });
}

function seedsUntilFound(copy: string, bug: PlantedBug): Finding {
  const path = join(copy, "packages", bug.file);
  const source = readFileSync(path, "utf8");
  writeFileSync(
    path,
    source.replace(bug.find, () => bug.put),
  );
  try {
    return findingOf(runSeeds(copy));
  } finally {
    writeFileSync(path, source);
  }
}

function runSeeds(copy: string): string {
  const script = join(copy, "packages/simulation/scripts/simulate.ts");
  const seeds = ["--from", "1", "--seeds", values.seeds, "--until-failure"];
  const args = [...simulateFlags(), script, ...seeds];
  const { stderr, stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  // Every run ends with a line that counts seeds: without it nothing can be said.
  if (!/^\d+ seeds, /m.test(stdout)) throw new Error(`the simulation does not run:\n${stderr}`);
  return stdout;
}

function findingOf(stdout: string): Finding {
  // Lines of the trace begin with spaces, too, and with a number.
  const what = /^ {2}([a-z].*)$/m.exec(stdout)?.[1] ?? "";
  if (!stdout.includes("FAILED")) return { what: "" };
  return { seeds: stdout.split("\n").filter((line) => line.startsWith("seed ")).length, what };
}

const misplaced = misplacedBugs();
for (const line of misplaced) process.stderr.write(`${line}\n`);
if (misplaced.length > 0) process.exit(2);
const copy = copyOfSources();
let missed = 0;
try {
  process.stdout.write("| planted bug | seeds until found | as |\n| --- | --- | --- |\n");
  for (const bug of plantedBugs.filter(isWanted)) {
    const { seeds, what } = seedsUntilFound(copy, bug);
    if (seeds === undefined) missed++;
    const kind = what.replace(/[:(].*/, "").trim();
    process.stdout.write(`| ${bug.name} | ${seeds ?? `not in ${values.seeds}`} | ${kind} |\n`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exit(missed === 0 ? 0 : 1);

/*
 * Plants one bug after another in a copy of the sources, and counts the seeds until a run finds it:
 * `npm run simulate:sensitivity -- [--seeds 200] [--bug WORDS]`. Prints the table that the README keeps.
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
import { type PlantedBug, plantedBugs } from "./planted-bugs.ts";

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

/** Seeds until something was found; `undefined`: nothing was. */
function seedsUntilFound(
  copy: string,
  bug: PlantedBug,
): { seeds: number; what: string } | undefined {
  const path = join(copy, "packages", bug.file);
  const source = readFileSync(path, "utf8");
  if (!source.includes(bug.find)) throw new Error(`${bug.file} has no such place for: ${bug.name}`);
  writeFileSync(path, source.replace(bug.find, bug.put));
  try {
    const script = join(copy, "packages/simulation/scripts/simulate.ts");
    const args = [
      "--conditions=source",
      script,
      "--from",
      "1",
      "--seeds",
      values.seeds,
      "--until-failure",
    ];
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1 << 28 });
    const seeds = stdout.split("\n").filter((line) => line.startsWith("seed ")).length;
    const what = /^ {2}(\S.*)$/m.exec(stdout)?.[1];
    return stdout.includes("FAILED") ? { seeds, what: what ?? "" } : undefined;
  } finally {
    writeFileSync(path, source);
  }
}

const copy = copyOfSources();
let missed = 0;
try {
  process.stdout.write("| planted bug | seeds until found | as |\n| --- | --- | --- |\n");
  for (const bug of plantedBugs.filter(({ name }) => name.includes(values.bug))) {
    const found = seedsUntilFound(copy, bug);
    if (found === undefined) missed++;
    const what = found?.what.replace(/[:(].*/, "") ?? "";
    process.stdout.write(
      `| ${bug.name} | ${found?.seeds ?? `not in ${values.seeds}`} | ${what} |\n`,
    );
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exit(missed === 0 ? 0 : 1);

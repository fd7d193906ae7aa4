/*
 * Runs the same seeds in two processes and compares what happened: `npm run simulate:determinism -- [--seeds 1000]
 * [--from S]`. Prints every seed that is not the same, and how many were.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { simulateFlags } from "./simulate-flags.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "1000" }, from: { type: "string", default: "1" } },
});

/** The trace hash of every seed. */
async function hashes(): Promise<Map<string, string>> {
  const script = join(import.meta.dirname, "simulate.ts");
  const args = [...simulateFlags(), script, "--from", values.from, "--seeds", values.seeds];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const found = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [, seed, hash] = /^seed (\S+): \w+, (\S+),/.exec(line) ?? [];
    if (seed !== undefined && hash !== undefined) found.set(seed, hash);
  }
  return found;
}

const [first, second] = await Promise.all([hashes(), hashes()]);
const different = [...first].filter(([seed, hash]) => second.get(seed) !== hash);
for (const [seed, hash] of different) {
  process.stdout.write(`seed ${seed} is not the same twice: ${hash}, ${second.get(seed)}\n`);
}
const isWhole = first.size === Number(values.seeds) && second.size === first.size;
process.stdout.write(
  `${first.size} seeds, ${first.size - different.length} the same in two processes\n`,
);
process.exit(isWhole && different.length === 0 ? 0 : 1);

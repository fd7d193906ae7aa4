import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Run } from "./run.ts";
import { optionsOfSeed } from "./run-options.ts";

const seed = "13";

test("Run.run() of one seed is the same in another process", { timeout: 120_000 }, async () => {
  const script = join(import.meta.dirname, "../scripts/simulate.ts");
  const args = ["--conditions=source", script, "--seed", seed];
  const [{ stdout }, { traceHash }] = await Promise.all([
    promisify(execFile)(process.execPath, args),
    new Run(optionsOfSeed(seed)).run(),
  ]);
  expect(stdout).toContain(`seed ${seed}: ok, ${traceHash},`);
});

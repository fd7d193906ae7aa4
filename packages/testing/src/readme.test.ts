import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";

const directory = join(import.meta.dirname, "..");
const examples = join(directory, "examples");
const readme = readFileSync(join(directory, "README.md"), "utf8");

function examplesOf(runner: "vitest" | "node-test"): string[] {
  return readdirSync(join(examples, runner)).map((name) => join(examples, runner, name));
}

describe("README", () => {
  test("README.md shows the files of examples/, which the suite runs, and no other code", () => {
    const shown = [...readme.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code);
    const paths = [...examplesOf("vitest"), ...examplesOf("node-test")];
    expect(new Set(shown)).toEqual(new Set(paths.map((path) => readFileSync(path, "utf8"))));
  });

  test("README.md's examples for node:test pass there", () => {
    const args = ["--conditions=source", "--test", ...examplesOf("node-test")];
    // A runner within a runner reports to the outer one, unless told otherwise.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", env });
    expect(stdout).toContain("pass 1");
    expect(status, stdout).toBe(0);
  });
});

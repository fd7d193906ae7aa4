import process from "node:process";
import { describe, expect, test } from "vitest";
import { usualFaults } from "./nemesis/fault-kind.ts";
import { Run, type RunOutcome } from "./run.ts";
import { optionsOfSeed } from "./run-options.ts";

const count = Number(process.env["SIMULATION_SEEDS"] ?? 200);

async function run(seed: string): Promise<RunOutcome> {
  return new Run(optionsOfSeed(seed)).run();
}

describe("Run", () => {
  test(
    `Run.run() of ${count} fixed seeds acknowledges records under faults, and finds nothing wrong afterwards`,
    { timeout: 1_800_000 },
    async () => {
      const faults = new Map<string, number>();
      for (let seed = 1; seed <= count; seed++) {
        const { acknowledgedCount, failures, faultCounts } = await run(String(seed));
        expect(failures, `npm run simulate -- --seed ${seed}`).toEqual([]);
        expect(acknowledgedCount, `seed ${seed}`).toBeGreaterThan(0);
        for (const [kind, times] of faultCounts) faults.set(kind, (faults.get(kind) ?? 0) + times);
      }
      expect([...faults.keys()].toSorted()).toEqual(usualFaults.toSorted());
    },
  );

  test("Run.run() of one seed is the same twice", { timeout: 120_000 }, async () => {
    for (const seed of ["4", "6"]) {
      const [first, second] = [await run(seed), await run(seed)];
      expect(second.traceHash, `seed ${seed}`).toBe(first.traceHash);
    }
  });

  test("Run.run() of two seeds is not the same", { timeout: 120_000 }, async () => {
    expect((await run("4")).traceHash).not.toBe((await run("6")).traceHash);
  });
});

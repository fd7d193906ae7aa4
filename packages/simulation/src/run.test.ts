import process from "node:process";
import { describe, expect, test } from "vitest";
import { usualFaults } from "./nemesis/fault-kind.ts";
import { Run, type RunOutcome } from "./run.ts";
import { optionsOfSeed } from "./run-options.ts";

const count = Number(process.env["SIMULATION_SEEDS"] ?? 200);
/** How long seeds are run that nobody has seen before. */
const freshSeconds = Number(process.env["SIMULATION_FRESH_SECONDS"] ?? 15);

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

  test(
    `Run.run() of fresh seeds, as many as ${freshSeconds} seconds have room for, finds nothing wrong`,
    { timeout: 600_000 },
    async () => {
      const endMs = performance.now() + freshSeconds * 1000;
      for (let seed = Date.now(); performance.now() < endMs; seed++) {
        const { failures } = await run(String(seed));
        expect(failures, `npm run simulate -- --seed ${seed}`).toEqual([]);
      }
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

import { describe, expect, test } from "vitest";
import { Run } from "./run.ts";
import { optionsOfOneVersion, optionsWithoutPlots } from "./run-options.ts";

/** Seeds that found a bug, and which: README.md, "What it notices". */
const regressions = [
  ["205752", "all was read by the word of a broker that had not heard of the last partition"],
  [
    "205620",
    "a machine that was paused for good in its first start was looked at as one that had run",
  ],
  ["204526", "an operator replaced a machine that it had put there just now"],
  ["203452", "a broker did not know where the controller is, and so never heard of it"],
  ["70130", "a restart waited for a paused broker by the clock of that broker"],
  ["70306", "a damaged replica did not ask a leader that came with a later assignment"],
  [
    "202308",
    "a broker took replicas for lost that went to it before it heard that it was registered",
  ],
  ["200742", "nothing was written when all was mended"],
  ["70191", "one of two voters on the metadata was wiped"],
] as const;

/** Those since there are plots. */
const laterRegressions = [
  ["1795400163", "a member took its group back to where it had been before it was put out"],
  ["1795400586", "a member committed behind its end, which the coordinator had not applied yet"],
  ["1795410176", "a broker that read the metadata again raised an alarm over what it was long ago"],
  ["1795410505", "a reader of a partition that was gone waited for its leader for ever"],
] as const;

describe("Run of a seed that found a bug", () => {
  test.each(regressions)("seed %s: %s", { timeout: 120_000 }, async (seed) => {
    const { failures } = await new Run(optionsWithoutPlots(seed)).run();
    expect(failures, `npm run simulate -- --seed ${seed}`).toEqual([]);
  });

  test.each(laterRegressions)("seed %s: %s", { timeout: 120_000 }, async (seed) => {
    const { failures } = await new Run(optionsOfOneVersion(seed)).run();
    expect(failures, `seed ${seed}, of one version`).toEqual([]);
  });
});

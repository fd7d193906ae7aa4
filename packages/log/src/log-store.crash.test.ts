import { expect, test } from "vitest";
import { crashEverywhere } from "../fakes/crash-check.ts";
import type { CrashMoment } from "../fakes/crash-scenario.ts";
import type { PowerCut } from "../fakes/simulated-disk.ts";

/*
 * The power goes before and after every operation of the disk, and of what was not synced any part is lost: nothing,
 * all, or any subset of the sectors and of the changes of names. `log-store.torn.test.ts` cuts off the last write.
 */

const seedsUsually = 11;
const firstSeed = Number(process.env["LOG_CRASH_SEED"] ?? 1);
const seedCount = Number(process.env["LOG_CRASH_SEEDS"] ?? seedsUsually);
/** So many crashes there are at least. */
const crashesUsually = 40_000;

function* cutsOf(_moment: CrashMoment): Generator<PowerCut> {
  for (const names of ["none", "all"] as const) {
    for (const writes of ["none", "all"] as const) yield { names, writes };
  }
  for (let again = 0; again < 2; again++) yield { names: "any", writes: "any" };
}

test(
  "LogStore.open() shows all that was acknowledged and nothing else, whenever the power goes",
  { timeout: 600_000 },
  async () => {
    let count = 0;
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      count += await crashEverywhere(seed, cutsOf);
    }
    if (seedCount >= seedsUsually) expect(count).toBeGreaterThanOrEqual(crashesUsually);
  },
);

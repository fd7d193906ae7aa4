import { expect, test } from "vitest";
import { crashEverywhere } from "../fakes/crash-check.ts";
import type { CrashMoment } from "../fakes/crash-scenario.ts";
import type { PowerCut } from "../fakes/simulated-disk.ts";
import type { UnsyncedWrite } from "../fakes/simulated-inode.ts";

/*
 * The power goes in the middle of every write, which is cut off at every byte where it is small, and at every border
 * of a sector or a record, give or take a byte, where it is not. Of what else was not synced, any part is lost.
 */

const seedsUsually = 3;
const firstSeed = Number(process.env["LOG_CRASH_SEED"] ?? 1);
const seedCount = Number(process.env["LOG_CRASH_SEEDS"] ?? seedsUsually);
/** So many crashes there are at least. */
const crashesUsually = 60_000;
const smallBytes = 600;
const sectorBytes = 512;
/** What records of the journal and chunks of segments begin with. */
const magics = ["RWR1", "RWC1"].map((magic) => Buffer.from(magic, "latin1"));

/** Where a write is cut off. What is behind its last byte that is not zero is cut off at sectors only. */
function tearsOf({ bytes, position }: UnsyncedWrite): Set<number> {
  let usedBytes = bytes.length;
  while (usedBytes > 0 && bytes[usedBytes - 1] === 0) usedBytes--;
  const tears = new Set<number>([usedBytes]);
  const step = usedBytes <= smallBytes ? 1 : 16;
  for (let at = 0; at < usedBytes; at += step) tears.add(at);
  for (let at = sectorBytes - (position % sectorBytes); at < bytes.length; at += sectorBytes) {
    for (const near of [at - 1, at, at + 1]) tears.add(near);
  }
  for (const magic of magics) {
    for (let at = Buffer.from(bytes).indexOf(magic); at !== -1;) {
      for (const near of [at - 1, at, at + 1]) tears.add(Math.max(0, near));
      at = Buffer.from(bytes).indexOf(magic, at + 1);
    }
  }
  return tears;
}

function* cutsOf({ phase, write }: CrashMoment): Generator<PowerCut> {
  if (phase === "before" || write === undefined) return;
  for (const keptBytes of tearsOf(write)) {
    const torn = { write, keptBytes };
    yield { names: keptBytes % 2 === 0 ? "all" : "any", writes: "any", torn };
  }
}

test(
  "LogStore.open() shows all that was acknowledged and nothing else, wherever a write was cut off",
  { timeout: 600_000 },
  async () => {
    let count = 0;
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      count += await crashEverywhere(seed, cutsOf);
    }
    if (seedCount >= seedsUsually) expect(count).toBeGreaterThanOrEqual(crashesUsually);
  },
);

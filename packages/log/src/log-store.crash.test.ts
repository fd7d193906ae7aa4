import { expect, test } from "vitest";
import { LogStore } from "./log-store.ts";
import { checkPromises, matchModel } from "../fakes/crash-model.ts";
import { type CrashMoment, CrashScenario } from "../fakes/crash-scenario.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { type PowerCut, SimulatedDisk } from "../fakes/simulated-disk.ts";
import type { UnsyncedWrite } from "../fakes/simulated-inode.ts";
import {
  directory,
  keyOf,
  ManualClock,
  silentLogger,
  smallConfig,
} from "../fakes/store-harness.ts";

const firstSeed = Number(process.env["LOG_CRASH_SEED"] ?? 1);
const seedCount = Number(process.env["LOG_CRASH_SEEDS"] ?? 8);

/** Files of one page of records, so that every few appends something moves. */
const config = {
  ...smallConfig,
  fileBytesMax: 8 * 1024,
  journalBytesMax: 20 * 1024,
  segmentBytesMax: 10 * 1024,
  fillAheadBytes: 2 * 1024,
  flushBytesMax: 2 * 1024,
  cacheBytesMax: 1024,
};

/** Opens what a power cut left, compares it with the model, and goes on with it where `isThorough`. */
async function check(disk: SimulatedDisk, moment: CrashMoment, isThorough: boolean): Promise<void> {
  const options = { disk, directory, logger: silentLogger, clock: new ManualClock(), config };
  const store = await LogStore.open(options);
  const found = await matchModel(store, moment.models, 0);
  await checkPromises(store, moment.promises);
  expect(store.createGroup(keyOf(1000)).quarantined).toBeUndefined();
  if (!isThorough) return;
  for (const group of store.groups()) {
    const { commit, term, vote } = group.hardState;
    const hardState = { term: term + 1, vote, commit };
    await store.append([{ group, hardState, entries: [] }]);
    await store.append([{ group, hardState: { term, vote, commit }, entries: [] }]);
  }
  await store.deleteGroup(keyOf(1000));
  await store.close();
  const reopened = await LogStore.open(options);
  expect(await matchModel(reopened, moment.models.slice(found, found + 1), 0)).toBe(0);
  await checkPromises(reopened, moment.promises);
  await reopened.close();
}

/** Where a write may be cut off: everywhere in what is not zeros, at sectors behind that. */
function tears({ bytes, position }: UnsyncedWrite): number[] {
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  const points: number[] = [];
  for (let kept = 0; kept < bytes.length; kept++) {
    if (kept <= used || (position + kept) % 512 === 0) points.push(kept);
  }
  return points;
}

/** Everything that a power cut at one moment may leave. */
function* cutsOf({ operation, phase, write }: CrashMoment): Generator<PowerCut> {
  for (const names of ["none", "all"] as const) {
    for (const writes of ["none", "all"] as const) yield { names, writes };
  }
  yield { names: "any", writes: "any" };
  if (operation !== "write" || phase === "before" || write === undefined) return;
  for (const keptBytes of tears(write)) {
    const torn = { write, keptBytes };
    yield { names: keptBytes % 2 === 0 ? "all" : "any", writes: "any", torn };
  }
}

async function crashEverywhere(seed: number): Promise<number> {
  const scenario = new CrashScenario(seed, config);
  await scenario.run();
  let count = 0;
  for (const [row, moment] of scenario.moments.entries()) {
    for (const cut of cutsOf(moment)) {
      const random = new SeededRandom(seed * 1_000_003 + count);
      const disk = SimulatedDisk.afterPowerCut(moment.snapshot, cut, random, 1);
      count++;
      try {
        await check(disk, moment, count % 16 === 0);
      } catch (cause) {
        const { names, torn, writes } = cut;
        const where = `${moment.phase} ${moment.operation} ${row}, names ${names}, writes ${writes}`;
        const replay = `replay with LOG_CRASH_SEED=${seed} LOG_CRASH_SEEDS=1`;
        const tear = torn === undefined ? "" : `, torn at ${torn.keptBytes}`;
        throw new Error(`Crash ${count} of seed ${seed}, ${where}${tear}: ${replay}`, { cause });
      }
    }
  }
  return count;
}

test(
  "LogStore.open() shows all that was acknowledged, and nothing else, wherever the power goes",
  { timeout: 600_000 },
  async () => {
    let count = 0;
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      count += await crashEverywhere(seed);
    }
    expect(count).toBeGreaterThan(seedCount * 12_500);
  },
);

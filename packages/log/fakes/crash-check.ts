import { expect } from "vitest";
import { checkAllBatches, checkPromises, matchModel, type ModelGroup } from "./crash-model.ts";
import { type CrashMoment, CrashScenario } from "./crash-scenario.ts";
import { SeededRandom } from "./seeded-random.ts";
import { type PowerCut, SimulatedDisk } from "./simulated-disk.ts";
import { directory, keyOf, ManualClock, silentLogger, smallConfig } from "./store-harness.ts";
import type { LogConfig } from "../src/log-config.ts";
import { LogStore } from "../src/log-store.ts";

/** Files of one page of records, so that every few appends something moves. */
export const crashConfig: LogConfig = {
  ...smallConfig,
  fileBytesMax: 6 * 1024,
  journalBytesMax: 14 * 1024,
  segmentBytesMax: 10 * 1024,
  fillAheadBytes: 2 * 1024,
  flushBytesMax: 2 * 1024,
  cacheBytesMax: 1024,
};

/** One crash in so many is also lived on with. */
const crashesPerNextLife = 32;

/** Lives through a scenario, then has the power go at every moment of it in every way that `cutsOf` says; counts them. */
export async function crashEverywhere(
  seed: number,
  cutsOf: (moment: CrashMoment) => Iterable<PowerCut>,
): Promise<number> {
  const scenario = new CrashScenario(seed, crashConfig);
  await scenario.run();
  let count = 0;
  for (const [row, moment] of scenario.moments.entries()) {
    for (const cut of cutsOf(moment)) {
      const random = new SeededRandom(seed * 1_000_003 + count);
      const disk = SimulatedDisk.afterPowerCut(moment.snapshot, cut, random, 1);
      count++;
      try {
        await check(disk, moment, count % crashesPerNextLife === 0);
      } catch (cause) {
        const { names, torn, writes } = cut;
        const where = `${moment.phase} ${moment.operation} ${row}, names ${names}, writes ${writes}`;
        const tear = torn === undefined ? "" : `, torn at ${torn.keptBytes}`;
        const replay = `replay with LOG_CRASH_SEED=${seed} LOG_CRASH_SEEDS=1`;
        throw new Error(`Crash ${count} of seed ${seed}, ${where}${tear}: ${replay}`, { cause });
      }
    }
  }
  return count;
}

/** Opens what a power cut left, compares it with the model, and goes on with it where it `livesOn`. */
async function check(disk: SimulatedDisk, moment: CrashMoment, livesOn: boolean): Promise<void> {
  const clock = new ManualClock();
  const options = { disk, directory, logger: silentLogger, clock, config: crashConfig };
  const store = await LogStore.open(options);
  const found = await matchModel(store, moment.models, 0);
  await checkPromises(store, moment.promises);
  const created = store.createGroup(keyOf(1000));
  expect(created.quarantined).toBeUndefined();
  if (!livesOn) return;
  await store.append([{ group: created, hardState: undefined, entries: [] }]);
  for (const group of store.groups()) {
    const { hardState } = group;
    const other = { ...hardState, term: hardState.term + 1 };
    await store.append([{ group, hardState: other, entries: [] }]);
    await store.append([{ group, hardState, entries: [] }]);
  }
  await store.deleteGroup(created.key);
  await store.close();
  const reopened = await LogStore.open(options);
  expect(await matchModel(reopened, moment.models.slice(found, found + 1), 0)).toBe(0);
  await checkPromises(reopened, moment.promises);
  await checkAllBatches(reopened, moment.models[found] ?? new Map<string, ModelGroup>());
  await reopened.close();
}

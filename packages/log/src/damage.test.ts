import { expect, test } from "vitest";
import type { GroupLog } from "./group-log.ts";
import { inspectLog } from "./inspect/inspect-log.ts";
import { LogError } from "./log-error.ts";
import type { LogStore } from "./log-store.ts";
import { crashConfig } from "../fakes/crash-check.ts";
import {
  countingSpans,
  type CountingSpans,
  type Damage,
  isCounting,
  isLikeTorn,
  randomDamage,
} from "../fakes/damage.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  appendRounds,
  checkRounds,
  directory,
  keyOf,
  moved,
  openStore,
} from "../fakes/store-harness.ts";

/*
 * Whatever is damaged in whatever file: no wrong record is ever read, and what counts does not change unnoticed. A
 * damage that changes nothing for anybody is harmless because there is another copy (of a checkpoint), because the
 * name says the same (headers), or because the chunks do (the index of a segment). What looks like a write that a power
 * cut tore is taken for one.
 */

const firstSeed = Number(process.env["LOG_DAMAGE_SEED"] ?? 1);
const seedCount = Number(process.env["LOG_DAMAGE_SEEDS"] ?? 5400);
const seedsPerStore = 900;
const groupIds = [1, 2, 3];

interface Base {
  readonly disk: SimulatedDisk;
  /** The same disk some time before. */
  readonly earlier: SimulatedDisk;
  readonly spans: CountingSpans;
  /** What each group shows: from where to where, and its image. */
  readonly shown: ReadonlyMap<number, string>;
}

/** Sealed and open segments, images, journal files in use and files that wait to be used again. */
async function baseStore(seed: number): Promise<Base> {
  const random = new SeededRandom(seed);
  const disk = new SimulatedDisk(random);
  let store = await openStore(disk, crashConfig);
  const groups = groupIds.map((groupId) => store.createGroup(keyOf(groupId)));
  await appendRounds(store, groups, 40 + random.integer(20), 150 + random.integer(200));
  await moved(store);
  for (const group of groups) await store.saveImage(group, 30, imageOf(group.key.groupId, 30));
  await store.close();
  const earlier = disk.copy();
  store = await openStore(disk, crashConfig);
  await appendRounds(store, [...store.groups()], 10 + random.integer(20), 150);
  await store.deleteGroup((await filled(store)).key);
  await moved(store);
  await store.close();
  const shown = new Map<number, string>();
  const reopened = await openStore(disk.copy(), crashConfig);
  for (const group of reopened.groups()) {
    shown.set(group.key.groupId, await show(reopened, group));
  }
  expect(shown.size).toBe(groupIds.length);
  return { disk, earlier, spans: await countingSpans(disk), shown };
}

async function filled(store: LogStore): Promise<GroupLog> {
  const group = store.createGroup(keyOf(4));
  await appendRounds(store, [group], 3, 100);
  return group;
}

function imageOf(groupId: number, index: number): Buffer {
  return Buffer.alloc(6000, groupId * 40 + index);
}

/** Reads everything of a group and compares it with what was written; answers what its bounds are. */
async function show(store: LogStore, group: GroupLog): Promise<string> {
  await checkRounds(group);
  const endIndex = group.lastIndex() + 1;
  for (let next = group.firstIndex(); next < endIndex;) {
    const entries = await group.fetch(next, endIndex, 5000);
    for (const { index, term } of entries) expect([index, term]).toEqual([next++, 1]);
  }
  const image = await store.image(group);
  if (image !== undefined) {
    const wanted = imageOf(group.key.groupId, image.index);
    expect(Buffer.compare(image.body, wanted)).toBe(0);
  }
  const { term, vote } = group.hardState;
  const offsets = [group.startOffset(), group.endOffset()];
  return `[${group.firstIndex()}, ${endIndex}) [${offsets.join()}) ${image?.index} ${term} ${vote}`;
}

/** How the store noticed a damage; `undefined` where it shows all that it showed before. */
async function noticed(
  disk: SimulatedDisk,
  { shown }: Base,
  isTorn: boolean,
): Promise<string | undefined> {
  const store = await openStore(disk, crashConfig);
  let how: string | undefined;
  for (const groupId of groupIds) {
    const group = store.group(keyOf(groupId));
    if (group === undefined) {
      const { quarantined } = store.createGroup(keyOf(groupId));
      expect(quarantined !== undefined || isTorn, `group ${groupId}`).toBe(true);
      how = "a group is unknown";
    } else if (group.quarantined !== undefined) {
      how = "a group is quarantined";
    } else {
      const found = await settled(show(store, group));
      if (found instanceof LogError) how = `a read rejects with ${found.reason}`;
      else if (!isTorn) expect(found, `group ${groupId}`).toBe(shown.get(groupId));
    }
  }
  // A group whose tombstone is damaged may come back, but not to be used.
  const deleted = store.group(keyOf(4));
  if (deleted !== undefined && !isTorn) {
    expect(deleted.quarantined, "the deleted group").toBeDefined();
    how ??= "a deleted group is quarantined";
  }
  await store.close();
  return how;
}

/** The value, or the error where it is one of the log's; any other one is not caught. */
async function settled<T>(promise: Promise<T>): Promise<T | LogError> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof LogError) return error;
    throw error;
  }
}

async function inspectionNotices(disk: SimulatedDisk): Promise<boolean> {
  const inspection = await settled(inspectLog({ disk, directory }));
  return inspection instanceof LogError || inspection.faults.length > 0;
}

async function checkDamage(base: Base, damage: Damage, random: SeededRandom): Promise<string> {
  const disk = SimulatedDisk.afterPowerCut(
    base.disk.snapshot(),
    { names: "all", writes: "all" },
    random,
    1,
  );
  for (const [path, bytes] of damage.changed) disk.replace(path, bytes);
  const isInspected = await inspectionNotices(disk);
  const isTorn = isLikeTorn(base.spans, base.disk, damage);
  const how = await settled(noticed(disk, base, isTorn));
  const isNoticed = isInspected || how !== undefined;
  const counts = isCounting(base.spans, base.disk, damage);
  const isOlderCopy = damage.what.includes("/checkpoint-"); // Sound, but not the newest.
  if (counts && !isOlderCopy && !isTorn) expect(isNoticed, "nobody noticed").toBe(true);
  if (!counts) expect(how, "harmless, but").toBeUndefined();
  if (damage.what.includes("/checkpoint-")) expect(how, "there are other copies").toBeUndefined();
  if (how instanceof LogError) return `the start rejects with ${how.reason}`;
  if (how === undefined && isTorn) return "like a torn write";
  return how ?? (isInspected ? "an inspection tells" : "harmless");
}

test(
  "LogStore never shows a wrong record, and what counts does not change unnoticed, whatever is damaged",
  { timeout: 300_000 },
  async () => {
    const outcomes = new Map<string, number>();
    let base: Base | undefined;
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      const storeSeed = Math.floor(seed / seedsPerStore);
      if (base === undefined || seed % seedsPerStore === 0) base = await baseStore(storeSeed);
      const random = new SeededRandom(seed);
      const damage = randomDamage(base.disk, base.earlier, base.spans, random);
      try {
        const outcome = await checkDamage(base, damage, random);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      } catch (cause) {
        const replay = `replay with LOG_DAMAGE_SEED=${seed} LOG_DAMAGE_SEEDS=1`;
        throw new Error(`Seed ${seed}, ${damage.what}: ${replay}`, { cause });
      }
    }
    const kinds = ["a group is quarantined", "an inspection tells", "harmless"];
    for (const kind of seedCount > 1000 ? kinds : []) {
      expect(outcomes.get(kind), kind).toBeGreaterThan(100);
    }
  },
);

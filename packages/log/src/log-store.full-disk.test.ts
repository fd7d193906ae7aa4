import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { LimitedDisk } from "../fakes/limited-disk.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  appendRounds,
  checkRounds,
  directory,
  keyOf,
  ManualClock,
  moved,
  sampleBatch,
  sampleEntry,
  silentLogger,
  smallConfig,
} from "../fakes/store-harness.ts";
import type { GroupLog } from "./group-log.ts";
import { LogStore } from "./log-store.ts";

const kibibyte = 1024;
const config = {
  ...smallConfig,
  fileBytesMax: 1024 * kibibyte,
  fillAheadBytes: 128 * kibibyte,
  flushBytesMax: 64 * kibibyte,
  journalBytesMax: 4096 * kibibyte,
  segmentBytesMax: 1024 * kibibyte,
  diskReserveBytes: 2048 * kibibyte,
};
const capacityBytes = 16 * 1024 * kibibyte;
const batchBytes = 20 * kibibyte;

/** A store on a disk that holds little. */
class SmallStore {
  readonly simulated: SimulatedDisk;
  readonly disk: LimitedDisk;
  readonly clock: ManualClock = new ManualClock();

  constructor(seed: number) {
    this.simulated = new SimulatedDisk(new SeededRandom(seed), 2);
    this.disk = new LimitedDisk(this.simulated, capacityBytes);
  }

  open(): Promise<LogStore> {
    const { clock, disk } = this;
    return LogStore.open({ disk, directory, clock, config, logger: silentLogger });
  }

  /** Lets time pass until something holds. */
  async until(condition: () => boolean): Promise<void> {
    for (let look = 0; look < 2000 && !condition(); look++) {
      this.clock.advance(config.spaceCheckMs);
      for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    }
    expect(condition()).toBe(true);
  }

  /** Nothing is left for anybody. */
  takeAll(): void {
    this.disk.capacityBytes -= this.disk.bytesLeft;
  }

  giveBack(): void {
    this.disk.capacityBytes = capacityBytes;
  }
}

/** One batch, as `appendRounds` makes it, whatever the disk says. */
function append(store: LogStore, group: GroupLog): Promise<void> {
  const index = group.lastIndex() + 1;
  const data = sampleBatch(group.endOffset(), 2, batchBytes, index, index);
  const hardState = { term: 1, vote: 1, commit: index - 1 };
  return store.append([{ group, hardState, entries: [sampleEntry(index, 1, data)] }]);
}

/** Appends without regard for the disk until an append waits; answers those that are on their way. */
async function appendUntilWaiting(small: SmallStore, store: LogStore, group: GroupLog) {
  let settled = 0;
  const appends: Promise<void>[] = [];
  small.takeAll();
  for (let waits = 0; waits < 100; waits++) {
    if (settled === appends.length) {
      appends.push(append(store, group).finally(() => (settled += 1)));
      appends.at(-1)?.catch(() => undefined);
      waits = 0;
    }
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
  expect(store.failed).toBeUndefined();
  return appends;
}

test("LogStore.append() waits where there is no room at all, and goes on when there is", async () => {
  const small = new SmallStore(1);
  const store = await small.open();
  const group = store.createGroup(keyOf(1));
  await appendRounds(store, [group], 3, batchBytes);
  const appends = await appendUntilWaiting(small, store, group);
  const behind = append(store, group);
  expect(small.disk.refusals).toBeGreaterThan(0);
  expect(store.isReserveLow).toBe(true);
  small.giveBack();
  await small.until(() => !store.isReserveLow);
  await Promise.all([...appends, behind]);
  expect(store.failed).toBeUndefined();
  await checkRounds(group);
  await store.close();
  small.simulated.crash();
  small.disk.remount();
  const reopened = (await small.open()).group(keyOf(1));
  expect(reopened?.lastIndex()).toBe(group.lastIndex());
});

test("LogStore.close() does not wait for room, and nothing acknowledged is lost", async () => {
  const small = new SmallStore(2);
  const store = await small.open();
  const group = store.createGroup(keyOf(1));
  const appends = await appendUntilWaiting(small, store, group);
  await store.close();
  const outcomes = await Promise.allSettled(appends);
  const acknowledged = outcomes.filter(({ status }) => status === "fulfilled").length;
  expect(acknowledged).toBe(appends.length - 1);
  await expect(appends.at(-1)).rejects.toMatchObject({ reason: "STORAGE_FAILED" });
  small.simulated.crash();
  small.disk.remount();
  small.giveBack();
  const reopened = (await small.open()).group(keyOf(1));
  expect(reopened?.quarantined).toBeUndefined();
  expect(reopened?.lastIndex()).toBeGreaterThanOrEqual(acknowledged);
});

test("LogStore.open() says that there is no room, instead of waiting for it", async () => {
  const small = new SmallStore(3);
  small.disk.capacityBytes = 0;
  await expect(small.open()).rejects.toThrow(/no space left/);
});

/** Appends as a broker does: not while the disk is full. */
async function appendUntilFull(small: SmallStore, store: LogStore): Promise<void> {
  const groups = [...store.groups()];
  do {
    while (!store.isFull) {
      await Promise.all(groups.map((group) => append(store, group)));
      for (const group of groups) group.markCommitted(group.lastIndex());
    }
    // What it only estimates between two looks.
    for (let look = 0; look < 3; look++) await small.until(() => true);
    await moved(store);
    small.clock.advance(config.spaceCheckMs);
    for (let turn = 0; turn < 2000; turn++) await Promise.resolve();
  } while (!store.isFull);
}

async function cutAll(store: LogStore): Promise<void> {
  for (const group of store.groups()) {
    await store.saveImage(group, group.lastIndex(), Buffer.from("image"));
    await store.cut(group, { startOffset: group.endOffset() - 2 });
  }
}

test("LogStore lets all go on but records while its disk is full, and takes records again by itself", async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const small = new SmallStore(seed);
    let store = await small.open();
    for (let groupId = 1; groupId <= 3; groupId++) store.createGroup(keyOf(groupId));
    for (let round = 0; round < 4; round++) {
      await appendUntilFull(small, store);
      if (round % 2 === 1) small.takeAll();
      for (const group of store.groups()) {
        await checkRounds(group);
        const { term } = group.hardState;
        const hardState = { term: term + 1, vote: 2, commit: group.lastIndex() };
        await store.append([{ group, hardState, entries: [] }]);
      }
      await cutAll(store).catch((error: unknown) => {
        expect(error).toBeInstanceOf(DiskError);
        expect(small.disk.bytesLeft).toBeLessThan(kibibyte);
      });
      small.giveBack();
      await cutAll(store);
      await small.until(() => !store.isFull);
      expect(store.failed).toBeUndefined();
      const ends = [...store.groups()].map((group) => [group.lastIndex(), group.endOffset()]);
      await store.close();
      small.simulated.crash();
      small.disk.remount();
      store = await small.open();
      const found = [...store.groups()].toSorted((a, b) => a.key.groupId - b.key.groupId);
      expect(found.map((group) => [group.lastIndex(), group.endOffset()])).toEqual(ends);
    }
    await store.close();
  }
});

import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import type { LogStore } from "./log-store.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  appendRounds,
  groupPaths,
  journalPaths,
  keyOf,
  ManualClock,
  moved,
  openStore,
  smallConfig,
  waitUntil,
} from "../fakes/store-harness.ts";

const { diskReserveBytes, spaceCheckMs } = smallConfig;

async function fixture(): Promise<{
  disk: SimulatedDisk;
  store: LogStore;
  look: () => Promise<boolean>;
}> {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const clock = new ManualClock();
  const store = await openStore(disk, smallConfig, undefined, clock);
  const look = async (): Promise<boolean> => {
    clock.advance(spaceCheckMs);
    for (let turn = 0; turn < 300; turn++) await Promise.resolve();
    return store.isFull;
  };
  return { disk, store, look };
}

test("SpaceWatch says that the disk is full below the reserve, and that it has room again", async () => {
  const { disk, look, store } = await fixture();
  expect(store.isFull).toBe(false);
  disk.bytesFree = diskReserveBytes - 1;
  expect(store.isFull).toBe(false);
  expect(await look()).toBe(true);
  disk.bytesFree = diskReserveBytes;
  expect(await look()).toBe(false);
  await store.close();
});

test("SpaceWatch lets hard states, tombstones, images and reads go on while the disk is full", async () => {
  const { disk, look, store } = await fixture();
  const [group, other] = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2))];
  await appendRounds(store, [group, other], 3);
  disk.bytesFree = 0;
  expect(await look()).toBe(true);
  const hardState = { term: 5, vote: 1, commit: 2 };
  await store.append([{ group, hardState, entries: [] }]);
  await store.saveImage(group, 2, Buffer.from("image"));
  await store.deleteGroup(other.key);
  expect(await group.read(0, 6, 10_000)).toHaveLength(3);
  expect(store.failed).toBeUndefined();
  await store.close();
});

test("SpaceWatch tries to prepare the next journal file again, and is full until that works", async () => {
  const { disk, look, store } = await fixture();
  const group = store.createGroup(keyOf(1));
  const full = new DiskError("FULL", "no space left");
  for (let round = 0; round < 14; round++) {
    disk.failNext("create", full); // Every flush tries again.
    await appendRounds(store, [group], 1);
  }
  disk.failNext("create", full);
  expect(await look()).toBe(true);
  expect(await look()).toBe(false);
  expect(store.failed).toBeUndefined();
  await store.close();
});

test("SpaceWatch counts what the store takes between two looks", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  disk.bytesFree = diskReserveBytes + 100 * 1024;
  const store = await openStore(disk);
  const group = store.createGroup(keyOf(1));
  await appendRounds(store, [group], 50);
  expect(store.isFull).toBe(false);
  await appendRounds(store, [group], 100);
  expect(store.isFull).toBe(true);
  await store.close();
});

test("SpaceWatch sees a disk that is full already when the store is opened", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  disk.bytesFree = 0;
  const store = await openStore(disk);
  expect(store.isFull).toBe(true);
  await store.close();
});

test("SpaceWatch has the journal give up what was cut, however small it is, on a full disk only", async () => {
  const { disk, look, store } = await fixture();
  const group = store.createGroup(keyOf(1));
  await appendRounds(store, [group], 40);
  await store.saveImage(group, 40, Buffer.from("image"));
  await store.cut(group, { startOffset: group.endOffset() });
  await look();
  const filesBefore = journalPaths(disk).length;
  expect(filesBefore).toBeGreaterThan(2);
  disk.bytesFree = 0;
  await look();
  // One is in use, one is prepared, and one waits to be used again.
  await waitUntil(() => journalPaths(disk).length <= 3);
  expect(store.isFull).toBe(true);
  await store.close();
  const reopened = await openStore(disk);
  expect(reopened.group(keyOf(1))?.lastIndex()).toBe(40);
  await reopened.close();
});

test("SpaceWatch has a full disk's journal emptied of the few entries that keep the rest, where there is room for them", async () => {
  const { disk, look, store } = await fixture();
  const [group, other] = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2))];
  await appendRounds(store, [group], 1);
  // A run that finds no room gives up, and leaves everything in the journal.
  const full = new DiskError("FULL", "no space left");
  for (let round = 0; round < 200; round++) {
    if (groupPaths(disk).length === 0)
      disk.failNext("create", full, (path) => path.includes("/segment-"));
    await appendRounds(store, [other], 1);
  }
  disk.bytesFree = 0;
  await look();
  await store.deleteGroup(other.key);
  await look();
  const filesBefore = journalPaths(disk).length;
  expect(filesBefore).toBeGreaterThan(4);
  expect(groupPaths(disk)).toEqual([]);
  disk.bytesFree = smallConfig.fileBytesMax;
  for (let looks = 0; looks < 20; looks++) expect(await look()).toBe(true);
  expect(journalPaths(disk).length).toBeLessThanOrEqual(3);
  expect(groupPaths(disk)).toHaveLength(1);
  expect(await group.read(0, 3, 10_000)).toHaveLength(1);
  await store.close();
});

test("SpaceWatch writes a checkpoint that found no room again, and removes what it lets go", async () => {
  const { disk, look, store } = await fixture();
  const group = store.createGroup(keyOf(1));
  await appendRounds(store, [group], 120);
  await moved(store);
  const segmentsBefore = groupPaths(disk).length;
  expect(segmentsBefore).toBeGreaterThan(0);
  await store.saveImage(group, 120, Buffer.from("image"));
  disk.failNext("write", new DiskError("FULL", "no space left"));
  await expect(store.cut(group, { startOffset: group.endOffset() })).rejects.toThrow(/no space/);
  expect(groupPaths(disk).length).toBeGreaterThanOrEqual(segmentsBefore);
  await look();
  await waitUntil(() => groupPaths(disk).length === 1); // The image.
  expect(store.failed).toBeUndefined();
  await store.close();
});

test("SpaceWatch stops with the store", async () => {
  const { disk, look, store } = await fixture();
  await store.close();
  disk.bytesFree = 0;
  expect(await look()).toBe(false);
});

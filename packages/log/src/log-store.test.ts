import assert from "node:assert/strict";
import { DiskError } from "@ropewalk/runtime";
import { describe, expect, test } from "vitest";
import { fileHeaderBytes } from "./journal/file-header.ts";
import { recordHeaderBytes } from "./journal/journal-record.ts";
import { LogError } from "./log-error.ts";
import type { LogStore } from "./log-store.ts";
import type { GroupLog } from "./group-log.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { type DiskOperation, SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  appendRounds,
  directory,
  groupPaths,
  journalPaths,
  keyOf,
  ManualClock,
  openStore,
  sampleBatch,
  sampleEntry,
  smallConfig,
  waitUntil,
  watchOpenFiles,
} from "../fakes/store-harness.ts";

const hardState = { term: 1, vote: 2, commit: 0 };

function newDisk(): SimulatedDisk {
  return new SimulatedDisk(new SeededRandom(1));
}

function appendNext(store: LogStore, group: GroupLog, bytes: number = 100): Promise<void> {
  const data = sampleBatch(group.endOffset(), 3, bytes);
  const entries = [sampleEntry(group.lastIndex() + 1, 1, data)];
  return store.append([{ group, hardState, entries }]);
}

describe("LogStore", () => {
  test("LogStore.close() leaves no timer behind that would write to what is closed", async () => {
    const clock = new ManualClock();
    const store = await openStore(newDisk(), smallConfig, undefined, clock);
    const group = store.createGroup(keyOf(1));
    const { timerCount } = clock;
    await appendNext(store, group);
    await waitUntil(() => clock.timerCount > timerCount); // For the mark that comes when nothing else does.
    await store.append([]); // Waits for what is under way, and adds nothing.
    await store.close();
    expect(clock.timerCount).toBe(0);
  });

  test("LogStore.append() shows entries at once and keeps them over a restart", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const group = store.createGroup(keyOf(1));
    const appended = appendNext(store, group);
    expect(store.statistics.queuedBytes).toBe(224);
    expect(group.lastIndex()).toBe(1);
    expect(group.endOffset()).toBe(3);
    expect(group.entries(1, 2, 1000)).toHaveLength(1);
    await appended;
    await store.close();
    const reopened = await openStore(disk);
    const again = reopened.group(keyOf(1));
    expect(again?.hardState).toEqual(hardState);
    expect(again?.entries(1, 2, 1000)).toBe("pending");
    expect(await again?.fetch(1, 2, 1000)).toEqual(await group.fetch(1, 2, 1000));
    expect(again?.entries(1, 2, 1000)).toHaveLength(1);
  });

  test("LogStore.append() makes everything that waits durable with one write and one sync", async () => {
    const disk = newDisk();
    const store = await openStore(disk, {
      ...smallConfig,
      fileBytesMax: 1 << 20,
      flushBytesMax: 1 << 19,
    });
    const groups = [1, 2, 3, 4].map((groupId) => store.createGroup(keyOf(groupId)));
    const syncs = disk.counts.get("datasync") ?? 0;
    const writes = disk.counts.get("write") ?? 0;
    const appends = groups.flatMap((group) => [appendNext(store, group), appendNext(store, group)]);
    await Promise.all(appends);
    expect(disk.counts.get("datasync")).toBe(syncs + 1);
    expect(disk.counts.get("write")).toBe(writes + 1);
    // The first flush was the mark that began the file.
    expect(store.statistics).toMatchObject({ flushCount: 2, queuedBytes: 0, fileCount: 1 });
  });

  test("LogStore.append() of nothing resolves after what was appended before", async () => {
    const store = await openStore(newDisk());
    const order: string[] = [];
    const first = appendNext(store, store.createGroup(keyOf(1))).then(() => order.push("first"));
    const second = store.append([]).then(() => order.push("second"));
    await Promise.all([first, second]);
    expect(order).toEqual(["first", "second"]);
  });

  test("LogStore.append() refuses an entry that skips an index or offsets, and writes nothing of it", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const group = store.createGroup(keyOf(1));
    const entries = [sampleEntry(2, 1, new Uint8Array(0))];
    expect(() => store.append([{ group, hardState, entries }])).toThrow(/entry 2/);
    const batch = [sampleEntry(1, 1, sampleBatch(5, 1))];
    expect(() => store.append([{ group, hardState, entries: batch }])).toThrow(/offset 5/);
    await appendNext(store, group);
    expect(group.endOffset()).toBe(3);
    await store.close();
    const reopened = await openStore(disk);
    expect(reopened.group(keyOf(1))?.quarantined).toBeUndefined();
    expect(reopened.group(keyOf(1))?.endOffset()).toBe(3);
  });

  test("LogStore.append() takes a record larger than a file", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const group = store.createGroup(keyOf(1));
    await appendNext(store, group, smallConfig.fileBytesMax * 2);
    await appendNext(store, group);
    await store.close();
    const reopened = await openStore(disk);
    expect(await reopened.group(keyOf(1))?.fetch(1, 3, 1e6)).toHaveLength(2);
  });

  const failures: readonly [DiskOperation, DiskError][] = [
    ["write", new DiskError("FULL", "no space left")],
    ["write", new DiskError("IO", "input/output error")],
    ["datasync", new DiskError("IO", "input/output error")],
  ];
  test.each(failures)(
    "LogStore is poisoned for good by a failed %s (%s)",
    async (operation, error) => {
      const disk = newDisk();
      const store = await openStore(disk);
      const group = store.createGroup(keyOf(1));
      await appendNext(store, group);
      disk.failNext(operation, error);
      const [inFlight, behind] = [appendNext(store, group), appendNext(store, group)];
      await expect(inFlight).rejects.toMatchObject({ reason: "STORAGE_FAILED" });
      await expect(behind).rejects.toBe(store.failed);
      await expect(appendNext(store, group)).rejects.toBeInstanceOf(LogError);
      expect(store.failed?.cause).toBe(error);
      expect(group.entries(1, 2, 1000)).toHaveLength(1);
      await store.close();
    },
  );

  test("LogStore.close() waits for appends and refuses later ones", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const group = store.createGroup(keyOf(1));
    const appended = appendNext(store, group);
    const closed = store.close();
    await expect(appendNext(store, group)).rejects.toMatchObject({ reason: "STORE_CLOSED" });
    await appended;
    await closed;
    expect((await openStore(disk)).group(keyOf(1))?.lastIndex()).toBe(1);
  });

  test("LogStore.deleteGroup() forgets a group for good; the journal goes on without it", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const [lost, kept] = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2))];
    for (let round = 0; round < 100; round++) await appendNext(store, lost);
    await appendNext(store, kept);
    await store.deleteGroup(keyOf(1));
    expect(store.group(keyOf(1))).toBeUndefined();
    expect(store.wasDeleted(keyOf(1))).toBe(true);
    expect(() => store.createGroup(keyOf(1))).toThrow(/deleted/);
    expect(() => store.append([{ group: lost, hardState, entries: [] }])).toThrow(/deleted/);
    await store.close();
    disk.crash();
    const reopened = await openStore(disk);
    expect([...reopened.groups()].map((group) => group.key)).toEqual([keyOf(2)]);
    expect(reopened.wasDeleted(keyOf(1))).toBe(true);
    reopened.createGroup(keyOf(1, 2));
  });

  test("LogStore.deleteGroup() removes the group's segments and its image", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const [lost, kept] = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2))];
    const ownFiles = (groupId: number): string[] =>
      disk.paths().filter((path) => /(segment|image)-/.test(path) && path.includes(`-${groupId}.`));
    const hasMoved = (group: GroupLog): boolean => group.segments().some(({ recent }) => !recent);
    for (let round = 0; !hasMoved(lost) || !hasMoved(kept); round++) {
      for (const group of [lost, kept]) {
        group.markCommitted(group.lastIndex());
        await appendNext(store, group, 1000);
      }
      assert(round < 200, "nothing moved");
    }
    await store.saveImage(lost, 1, Buffer.from("image"));
    await store.deleteGroup(keyOf(1));
    await store.close();
    expect(ownFiles(1)).toEqual([]);
    expect(ownFiles(2)).not.toEqual([]);
    const reopened = await openStore(disk);
    expect([...reopened.groups()].map((group) => group.key)).toEqual([keyOf(2)]);
  });

  test("LogStore.close() waits until the files of a group that is being deleted are gone", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const group = store.createGroup(keyOf(1));
    await appendRounds(store, [group], 60);
    expect(groupPaths(disk, 1)).not.toEqual([]);
    const remove = disk.remove.bind(disk);
    disk.remove = async (path) => {
      for (let turn = 0; turn < 20_000; turn++) await Promise.resolve(); // A slow disk.
      return remove(path);
    };
    const deleted = store.deleteGroup(keyOf(1));
    await store.close();
    // From here on another process may have the directory.
    expect(groupPaths(disk, 1)).toEqual([]);
    await deleted;
  });

  test("LogStore.open() that fails leaves no file open, no timer, and the directory to the next attempt", async () => {
    const disk = newDisk();
    const closed = await openStore(disk);
    await appendRounds(closed, [closed.createGroup(keyOf(1))], 60);
    await closed.close();
    const steps: readonly (readonly [DiskOperation, (path: string) => boolean])[] = [
      ["datasync", (path) => path.includes("/checkpoint-")],
      ["rename", (path) => path.includes("/journal-")],
      ["remove", (path) => path.includes("/segment-")],
    ];
    const opened = watchOpenFiles(disk);
    for (const [operation, isMeant] of steps) {
      disk.replace(`${directory}/segment-1.1-900.seg`, new Uint8Array(1));
      const clock = new ManualClock();
      disk.failNext(operation, new DiskError("IO", "broken"), isMeant);
      await expect(openStore(disk, smallConfig, undefined, clock), operation).rejects.toThrow();
      expect([...opened].map(({ path }) => path)).toEqual([]);
      expect(clock.timerCount).toBe(0);
    }
    await (await openStore(disk)).close();
  });

  test("LogStore.cut() leaves no file open that it removed, though somebody was reading it", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const group = store.createGroup(keyOf(1));
    await appendRounds(store, [group], 120);
    await store.saveImage(group, 119, Buffer.from("image"));
    const before = groupPaths(disk, 1);
    const opened = watchOpenFiles(disk);
    const reads = Array.from({ length: 60 }, (_, row) => group.fetch(row + 1, row + 2, 1));
    await store.cut(group, { startOffset: 200 });
    await Promise.allSettled(reads);
    const removed = before.filter((path) => !disk.paths().includes(path));
    expect(removed.length).toBeGreaterThan(0);
    expect([...opened].map(({ path }) => path).filter((path) => removed.includes(path))).toEqual(
      [],
    );
    await store.close();
    expect([...opened]).toEqual([]);
  });

  test("LogStore.saveImage() leaves nothing of an image that the disk has no room for", async () => {
    for (const operation of ["write", "datasync", "syncDirectory"] as const) {
      const disk = newDisk();
      const store = await openStore(disk);
      const group = store.createGroup(keyOf(1));
      await appendNext(store, group);
      await waitUntil(() => journalPaths(disk).length === 2); // Nothing else is written from here on.
      const before = disk.paths();
      disk.failNext(operation, new DiskError("FULL", "no space left"));
      const saved = store.saveImage(group, 1, Buffer.alloc(100));
      await expect(saved, operation).rejects.toMatchObject({ code: "FULL" });
      expect(disk.paths()).toEqual(before);
      await store.saveImage(group, 1, Buffer.alloc(100));
      expect(group.imageIndex).toBe(1);
      await store.close();
    }
  });

  test("LogStore forgets a deleted group once the journal file with its tombstone is used again", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const [lost, kept] = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2))];
    await appendNext(store, lost);
    await store.deleteGroup(keyOf(1));
    for (let round = 0; store.wasDeleted(keyOf(1)); round++) {
      kept.markCommitted(kept.lastIndex());
      await appendNext(store, kept, 1000);
      assert(round < 200, "the tombstone is still there");
    }
    await store.close();
    const reopened = await openStore(disk);
    expect(reopened.group(keyOf(1))).toBeUndefined();
    expect(reopened.group(keyOf(2))?.quarantined).toBeUndefined();
  });

  test("LogStore marks the end of the journal once when nothing was appended for a while", async () => {
    const disk = newDisk();
    const clock = new ManualClock();
    const store = await openStore(disk, smallConfig, undefined, clock);
    const group = store.createGroup(keyOf(1));
    await appendNext(store, group);
    await waitUntil(() => clock.timerCount === 2); // The other one looks at the free space.
    const flushes = store.statistics.flushCount;
    const marksAfter = async (ms: number): Promise<number> => {
      clock.advance(ms);
      for (let turn = 0; turn < 200; turn++) await Promise.resolve();
      return store.statistics.flushCount - flushes;
    };
    expect(await marksAfter(50)).toBe(0);
    expect(await marksAfter(50)).toBe(1);
    expect(await marksAfter(1000)).toBe(1);
    disk.dieAfter(0);
    await store.close();
    disk.crash();
    // The record is damaged, and the mark behind it says that this is no torn write.
    const path = journalPaths(disk)[0] ?? "";
    disk.flip(path, fileHeaderBytes + recordHeaderBytes + 200, 1);
    const reopened = await openStore(disk);
    expect(reopened.group(keyOf(1))?.quarantined?.reason).toBe("DATA_DAMAGED");
  });
});

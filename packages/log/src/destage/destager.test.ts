import { DiskError } from "@ropewalk/runtime";
import { describe, expect, test } from "vitest";
import type { GroupLog } from "../group-log.ts";
import type { LogError } from "../log-error.ts";
import type { LogStore } from "../log-store.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import {
  appendRounds,
  checkRounds,
  directory,
  groupPaths,
  journalPaths,
  keyOf,
  ManualClock,
  moved,
  openStore,
  sampleBatch,
  sampleEntry,
  segmentsOf,
  smallConfig,
} from "../../fakes/store-harness.ts";

interface Fixture {
  readonly disk: SimulatedDisk;
  readonly store: LogStore;
  readonly groups: readonly [GroupLog, GroupLog];
  readonly clock: ManualClock;
  readonly failures: LogError[];
}

/** Two groups whose entries soon fill more than the journal may have. */
async function fixture(seed: number = 1, config = smallConfig): Promise<Fixture> {
  const disk = new SimulatedDisk(new SeededRandom(seed));
  const clock = new ManualClock();
  const failures: LogError[] = [];
  const onFailed = (error: LogError): void => void failures.push(error);
  const store = await openStore(disk, config, undefined, clock, onFailed);
  const groups = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2))] as const;
  return { disk, store, groups, clock, failures };
}

/** Rounds that fill the journal just not enough for a move. */
const roundsBefore = 15;

describe("Destager", () => {
  test("Destager keeps the journal within its bound, and everything can be read, also after a restart", async () => {
    const { disk, groups, store } = await fixture();
    await appendRounds(store, groups, 100);
    await moved(store);
    expect(store.statistics.runCount).toBeGreaterThan(2);
    expect(store.statistics.fileBytes).toBeLessThanOrEqual(smallConfig.journalBytesMax * 2);
    for (const group of groups) {
      const segments = segmentsOf(group);
      expect(segments.length).toBeGreaterThan(1);
      expect(segments.slice(0, -1).every(({ sealed }) => sealed)).toBe(true);
      for (const [row, segment] of segments.slice(1).entries()) {
        expect(segment.firstIndex).toBe((segments[row]?.lastIndex ?? 0) + 1);
        expect(segment.baseOffset).toBe(segments[row]?.endOffset);
      }
      await checkRounds(group);
    }
    await store.close();
    const reopened = await openStore(disk);
    for (const group of reopened.groups()) {
      expect([group.lastIndex(), group.quarantined]).toEqual([100, undefined]);
      expect(group.startOffset()).toBe(0);
      await checkRounds(group);
    }
  });

  test("Destager uses the journal's files again instead of new ones", async () => {
    const { disk, groups, store } = await fixture();
    await appendRounds(store, groups, 60);
    const creates = (): number => (disk.counts.get("create") ?? 0) - groupPaths(disk).length;
    const [before, names] = [creates(), journalPaths(disk)];
    await appendRounds(store, groups, 100);
    await moved(store);
    expect(creates()).toBe(before);
    expect(journalPaths(disk).length).toBeLessThanOrEqual(names.length + 1);
    expect(journalPaths(disk)).not.toEqual(names);
  });

  test("Destager moves nothing that is not committed", async () => {
    const { groups, store } = await fixture();
    const [held, free] = groups;
    await appendRounds(store, [held], 5);
    for (let round = 0; round < 20; round++) {
      const index = held.lastIndex() + 1;
      const entries = [sampleEntry(index, 1, sampleBatch(held.endOffset(), 2, 1000, index, index))];
      await store.append([{ group: held, hardState: undefined, entries }]);
    }
    await appendRounds(store, [free], 80);
    await moved(store);
    expect(segmentsOf(held).at(-1)?.lastIndex).toBe(5);
    expect(segmentsOf(free).at(-1)?.lastIndex).toBeGreaterThan(20);
    // What was not committed can still be replaced.
    const entries = [sampleEntry(6, 2, sampleBatch(10, 1))];
    await store.append([{ group: held, hardState: undefined, entries }]);
    expect([held.lastIndex(), held.term(6), held.endOffset()]).toEqual([6, 2, 11]);
  });

  test("Destager drops entries that were cut before they moved", async () => {
    const { disk, groups, store } = await fixture();
    const [cut, kept] = groups;
    await appendRounds(store, groups, roundsBefore);
    await store.saveImage(cut, 15, Buffer.from("image"));
    await store.cut(cut, { startOffset: 24 }); // The first 12 of 18 entries.
    await appendRounds(store, [kept], 60);
    await moved(store);
    expect([cut.firstIndex(), cut.startOffset()]).toEqual([13, 24]);
    expect(segmentsOf(cut)[0]).toMatchObject({ firstIndex: 13, baseOffset: 24 });
    await checkRounds(cut);
    await store.close();
    const reopened = (await openStore(disk)).group(keyOf(1));
    expect([reopened?.firstIndex(), reopened?.startOffset()]).toEqual([13, 24]);
    expect(reopened?.term(12)).toBe(1);
    expect(reopened?.term(11)).toBe("compacted");
  });

  test("Destager drops nothing that no image contains", async () => {
    const { groups, store } = await fixture();
    const [cut, other] = groups;
    await appendRounds(store, groups, roundsBefore);
    await store.cut(cut, { startOffset: 24 });
    await appendRounds(store, [other], 60);
    await moved(store);
    expect(cut.firstIndex()).toBe(1);
    expect(segmentsOf(cut)[0]?.firstIndex).toBe(1);
    expect(cut.startOffset()).toBe(24);
  });

  test("Destager seals a segment that has enough bytes, as its group was told", async () => {
    const { groups, store } = await fixture();
    const [small, large] = groups;
    store.configure(small, { segmentBytesMax: 3000, segmentMsMax: 1e9 });
    store.configure(large, { segmentBytesMax: 1e9, segmentMsMax: 1e9 });
    await appendRounds(store, groups, 100);
    await moved(store);
    expect(segmentsOf(small).length).toBeGreaterThan(3);
    expect(segmentsOf(large)).toMatchObject([{ firstIndex: 1, sealed: false }]);
  });

  test("Destager seals a segment that is too old, and one with too many chunks", async () => {
    for (const reason of ["age", "chunks"]) {
      const config = { ...smallConfig, chunksMax: reason === "chunks" ? 2 : 1000 };
      const { clock, groups, store } = await fixture(1, config);
      for (const group of groups)
        store.configure(group, { segmentBytesMax: 1e9, segmentMsMax: 5000 });
      for (let run = 0; run < 6; run++) {
        await appendRounds(store, groups, 20);
        await moved(store);
        if (reason === "age") clock.advance(5000);
      }
      const segments = segmentsOf(groups[0]);
      expect(segments.length, reason).toBeGreaterThan(2);
      expect(segments.slice(0, -1).every(({ sealed }) => sealed)).toBe(true);
      await checkRounds(groups[0]);
    }
  });

  test("Destager moves damaged data with the checksum it had, so that who reads it is told", async () => {
    const { disk, failures, groups, store } = await fixture();
    const [hurt, sound] = groups;
    await appendRounds(store, groups, roundsBefore);
    const [path = ""] = journalPaths(disk);
    const at = Buffer.from(disk.bytesOf(path)).indexOf(Buffer.alloc(50, 2)); // Entry 2 of group 1.
    disk.flip(path, at, 1);
    await appendRounds(store, [sound], 40);
    await moved(store);
    expect(segmentsOf(hurt).length).toBeGreaterThan(0);
    expect([hurt.quarantined, store.failed, failures]).toEqual([undefined, undefined, []]);
    await expect(hurt.read(0, hurt.endOffset(), 10_000)).rejects.toMatchObject({
      reason: "DATA_DAMAGED",
    });
    expect(hurt.quarantined?.reason).toBe("DATA_DAMAGED");
    await checkRounds(sound);
  });

  test("Destager quarantines only the group whose entries the journal does not give", async () => {
    const { disk, failures, groups, store } = await fixture();
    const [hurt, sound] = groups;
    await appendRounds(store, [hurt], roundsBefore);
    failFirstMove(disk);
    await appendRounds(store, [sound], 40);
    await moved(store);
    expect(hurt.quarantined?.reason).toBe("READ_FAILED");
    expect([sound.quarantined, store.failed, failures]).toEqual([undefined, undefined, []]);
    expect(segmentsOf(hurt)).toEqual([]);
    expect(segmentsOf(sound).length).toBeGreaterThan(0);
    expect(groupPaths(disk, 1)).toEqual([]);
    await checkRounds(sound);
  });

  test("Destager tells of a group that cannot move, and keeps what it has until its owner acts", async () => {
    const { disk, groups, store } = await fixture();
    const [hurt, sound] = groups;
    await appendRounds(store, [hurt], roundsBefore);
    failFirstMove(disk);
    await appendRounds(store, [sound], 100);
    await moved(store);
    expect(hurt.quarantined?.reason).toBe("READ_FAILED");
    expect(store.statistics.fileBytes).toBeGreaterThan(smallConfig.journalBytesMax * 1.5);
    expect(await hurt.fetch(4, hurt.lastIndex() + 1, 1)).toHaveLength(1);
    await store.deleteGroup(hurt.key);
    await appendRounds(store, [sound], 10);
    await moved(store);
    expect(store.statistics.fileBytes).toBeLessThanOrEqual(smallConfig.journalBytesMax * 1.5);
    await store.close();
    const reopened = await openStore(disk);
    expect(reopened.group(keyOf(2))?.quarantined).toBeUndefined();
  });

  test("Destager writes entries without a majority once more, so that they keep nobody's journal", async () => {
    const disk = new SimulatedDisk(new SeededRandom(3));
    const store = await openStore(disk);
    const [waiting, busy] = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2))];
    const append = async (group: GroupLog, commit: number): Promise<void> => {
      const index = group.lastIndex() + 1;
      const entries = [sampleEntry(index, 1, sampleBatch(group.endOffset(), 2, 900, index % 256))];
      const hardState = { term: 1, vote: 1, commit };
      await store.append([{ group, hardState, entries }]);
    };
    for (let count = 0; count < 3; count++) await append(waiting, 0);
    for (let count = 0; count < 600; count++) await append(busy, busy.lastIndex());
    await moved(store);
    expect(store.statistics.fileBytes).toBeLessThanOrEqual(smallConfig.journalBytesMax * 2);
    for (const reader of [store, undefined]) {
      if (reader === undefined) await store.close();
      if (reader === undefined) disk.crash();
      const group = (reader ?? (await openStore(disk))).group(keyOf(1));
      expect(group?.quarantined).toBeUndefined();
      const entries = (await group?.fetch(1, 4, 100_000)) ?? [];
      expect(entries.map(({ data, index }) => [index, data[100]])).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
      ]);
    }
  });

  test.each(["create", "write", "datasync", "syncDirectory"] as const)(
    "Destager gives a move up when the disk is full in %s, and tries again later",
    async (operation) => {
      const { disk, failures, groups, store } = await fixture();
      await appendRounds(store, groups, roundsBefore);
      const full = new DiskError("FULL", "no space left");
      const isOfMove = (path: string): boolean =>
        path.includes("/segment-") || (path === directory && groupPaths(disk).length > 0);
      disk.failNext(operation, full, isOfMove);
      await moveOnce(store, groups, disk);
      expect(failures).toEqual([]);
      await appendRounds(store, groups, 30);
      await moved(store);
      for (const group of groups) {
        expect(segmentsOf(group).length).toBeGreaterThan(0);
        await checkRounds(group);
      }
      await store.close();
      const named = groups.reduce((count, group) => count + segmentsOf(group).length, 0);
      expect(groupPaths(disk)).toHaveLength(named);
    },
  );

  test("Destager ends a run whose disk becomes full meanwhile, and gives back what it took", async () => {
    const config = {
      ...smallConfig,
      destageBytesPerSecondMax: 1000,
      journalBytesMax: 20 * smallConfig.fileBytesMax,
    };
    const { clock, disk, groups, store } = await fixture(1, config);
    const passing = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second++) {
        clock.advance(1000);
        for (let turn = 0; turn < 200; turn++) await Promise.resolve();
      }
    };
    while (store.statistics.fileBytes <= config.journalBytesMax)
      await appendRounds(store, groups, 1);
    await passing(2);
    expect(groupPaths(disk).length).toBeGreaterThan(0);
    disk.bytesFree = 0;
    await passing(2);
    expect(store.isFull).toBe(true);
    expect(groupPaths(disk)).toEqual([]);
    expect(store.statistics.runCount).toBe(0);
    disk.bytesFree = Number.MAX_SAFE_INTEGER;
    for (let seconds = 0; store.statistics.runCount === 0 && seconds < 1000; seconds++)
      await passing(1);
    expect(groups.map((group) => segmentsOf(group).length > 0)).toEqual([true, true]);
    for (const group of groups) await checkRounds(group);
    expect(store.failed).toBeUndefined();
    await store.close();
  });

  test("Destager fails the store, and says so, when a segment cannot be written", async () => {
    const { disk, failures, groups, store } = await fixture();
    await appendRounds(store, groups, roundsBefore);
    const broken = new DiskError("IO", "input/output error");
    disk.failNext("datasync", broken, (path) => path.includes("/segment-"));
    await appendRounds(store, groups, 30).catch(() => undefined);
    await moved(store).catch(() => undefined);
    expect(store.failed?.reason).toBe("STORAGE_FAILED");
    expect(failures).toEqual([store.failed]);
    for (const group of groups) await checkRounds(group);
    await store.close();
    for (const group of (await openStore(disk)).groups()) {
      expect(group.quarantined).toBeUndefined();
      expect(group.lastIndex()).toBeGreaterThanOrEqual(roundsBefore);
    }
  });

  test("Destager moves at the rate that it is told, unless the journal is far too large", async () => {
    // So many files that one more is not far beyond the bound.
    const journalBytesMax = 20 * smallConfig.fileBytesMax;
    const config = { ...smallConfig, destageBytesPerSecondMax: 1000, journalBytesMax };
    const { clock, groups, store } = await fixture(4, config);
    while (store.statistics.fileBytes <= journalBytesMax) await appendRounds(store, groups, 1);
    for (let turn = 0; turn < 2000; turn++) await Promise.resolve();
    expect(store.statistics.runCount).toBe(0);
    let seconds = 0;
    for (; store.statistics.runCount === 0 && seconds < 1000; seconds++) {
      clock.advance(1000);
      for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    }
    // Whatever there is, all groups share the rate.
    expect(seconds).toBeGreaterThanOrEqual(store.statistics.movedBytes / 1000);
    expect(seconds).toBeLessThanOrEqual(store.statistics.movedBytes / 1000 + 2);
  });

  test.for(["cut", "close"] as const)(
    "Destager does not keep a %s waiting for its rate's sake",
    async (what) => {
      const journalBytesMax = 20 * smallConfig.fileBytesMax;
      const config = { ...smallConfig, destageBytesPerSecondMax: 1000, journalBytesMax };
      const { clock, groups, store } = await fixture(1, config);
      while (store.statistics.fileBytes <= journalBytesMax) await appendRounds(store, groups, 1);
      for (let turn = 0; turn < 2000; turn++) await Promise.resolve();
      expect(store.statistics.runCount).toBe(0);
      let isDone = false;
      const work = what === "cut" ? store.cut(groups[0], { index: 1 }) : store.close();
      const done = work.then(() => (isDone = true));
      // At its rate the run would take minutes.
      for (let wait = 0; wait < 20 && !isDone; wait++) {
        clock.advance(100);
        for (let turn = 0; turn < 2000; turn++) await Promise.resolve();
      }
      expect(isDone).toBe(true);
      await done;
    },
  );
});

/** Lets the journal not be read when what was appended first is to be moved. */
function failFirstMove(disk: SimulatedDisk): void {
  const unreadable = new DiskError("IO", "input/output error");
  disk.failNext("read", unreadable, (path) => path.includes("/journal-0000000001"));
}

/** Appends, one flush at a time and whatever becomes of it, until the failure that was asked for has come. */
async function moveOnce(
  store: LogStore,
  groups: readonly GroupLog[],
  disk: SimulatedDisk,
): Promise<void> {
  for (let round = 0; round < 100 && disk.hasFailuresLeft; round++) {
    await appendRounds(store, groups, 1);
    await moved(store);
  }
  expect(disk.hasFailuresLeft).toBe(false);
}

test("Destager lets a group go that is deleted while it moves, whenever that is", async () => {
  for (let turns = 0; turns < 400; turns += 2) {
    const { disk, failures, groups, store } = await fixture(7);
    const [lost, kept] = groups;
    await appendRounds(store, groups, roundsBefore + 10); // There are segments already, to be added to.
    await moved(store);
    const runs = store.statistics.runCount;
    await appendRounds(store, [kept], 15); // The journal is about to be too large again …
    const index = kept.lastIndex() + 1;
    const data = sampleBatch(kept.endOffset(), 2, 15_000, index, index);
    const entries = [sampleEntry(index, 1, data)];
    await store.append([{ group: kept, hardState: undefined, entries }]);
    void store.append([]); // … and here a move begins.
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const deleted = store.deleteGroup(lost.key);
    await deleted;
    await moved(store);
    await appendRounds(store, [kept], 20);
    await moved(store);
    expect(store.statistics.runCount, `${turns} turns`).toBeGreaterThan(runs);
    expect([store.failed, failures], `${turns} turns`).toEqual([undefined, []]);
    await checkRounds(kept);
    await store.close();
    expect(groupPaths(disk, 1), `${turns} turns`).toEqual([]);
    const reopened = await openStore(disk);
    expect([...reopened.groups()].map(({ key }) => key)).toEqual([keyOf(2)]);
    await reopened.close();
  }
});

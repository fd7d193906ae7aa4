import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32c } from "@ropewalk/protocol";
import { NodeDisk } from "@ropewalk/runtime/node";
import { describe, expect, test } from "vitest";
import { fileHeaderBytes } from "../journal/file-header.ts";
import { inspectLog } from "./inspect-log.ts";
import { recordHeaderBytes, tableRowBytes } from "../journal/journal-record.ts";
import type { GroupLog } from "../group-log.ts";
import type { LogFault, LogInspection } from "./log-inspection.ts";
import { LogStore } from "../log-store.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import {
  appendRounds,
  directory,
  journalPaths,
  keyOf,
  ManualClock,
  moved,
  openStore,
  sampleBatch,
  sampleEntry,
  silentLogger,
} from "../../fakes/store-harness.ts";

const dataBytes = 104;
/** Every record below is header, one row and this data: a multiple of eight, so without padding. */
const recordBytes = recordHeaderBytes + tableRowBytes + dataBytes;
const firstFile = "journal-0000000001-00000000.log";
const firstPath = `${directory}/${firstFile}`;

async function fill(store: LogStore, groupIds: readonly number[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const groupId of groupIds) {
      const group = store.group(keyOf(groupId)) ?? store.createGroup(keyOf(groupId));
      const data = sampleBatch(group.endOffset(), 2, dataBytes, groupId);
      const index = group.lastIndex() + 1;
      const hardState = { term: 1, vote: 3, commit: index - 1 };
      await store.append([{ group, hardState, entries: [sampleEntry(index, 1, data)] }]);
    }
  }
}

/** A store of two groups with three records each, in turn, that was closed. */
async function closedStore(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const store = await openStore(disk);
  await fill(store, [1, 2], 3);
  await store.close();
  return disk;
}

/** Behind the mark that begins a file. */
function positionOf(record: number): number {
  return fileHeaderBytes + recordHeaderBytes + record * recordBytes;
}

function digestOf(disk: SimulatedDisk): string[] {
  return disk.paths().map((path) => `${path} ${crc32c(disk.bytesOf(path))}`);
}

/** Inspects, and proves that nothing was changed. */
async function inspected(disk: SimulatedDisk): Promise<LogInspection> {
  const before = digestOf(disk);
  const inspection = await inspectLog({ disk, directory });
  expect(digestOf(disk)).toEqual(before);
  return inspection;
}

async function faultsOf(disk: SimulatedDisk): Promise<readonly LogFault[]> {
  return (await inspected(disk)).faults;
}

describe("inspectLog()", () => {
  test("inspectLog() tells files, groups and the end of a sound log", async () => {
    const disk = await closedStore();
    const { files, groups, ...rest } = await inspected(disk);
    const end = positionOf(6) + recordHeaderBytes; // Behind the mark of a clean end.
    expect(rest).toEqual({
      directory,
      directoryId: "0".repeat(32),
      durableTo: { file: firstFile, position: positionOf(6) },
      end: { file: firstFile, position: end },
      segments: [],
      checkpoints: [
        { name: "checkpoint-0a", state: "sound", number: 2 },
        { name: "checkpoint-0b", state: "sound", number: 2 },
        { name: "checkpoint-1a", state: "sound", number: 1 },
        { name: "checkpoint-1b", state: "sound", number: 1 },
      ],
      unfinishedFiles: [],
      faults: [],
      entries: undefined,
    });
    expect(files.map(({ state }) => state)).toEqual(["written", "prepared"]);
    expect(files[0]).toEqual({
      name: firstFile,
      state: "written",
      sizeBytes: disk.bytesOf(firstPath).length,
      usedBytes: end,
      recordCount: 8,
      tombstoneCount: 0,
      markCount: 2,
      entryCount: 6,
      groupCount: 2,
    });
    expect(groups).toEqual(
      ["1.1", "2.1"].map((group) => ({
        group,
        hardState: { term: 1, vote: 3, commit: 2 },
        firstIndex: 1,
        lastIndex: 3,
        startOffset: 0,
        endOffset: 6,
        segmentCount: 0,
        journalEntryCount: 3,
        dataBytes: 3 * dataBytes,
        quarantined: undefined,
      })),
    );
  });

  test("inspectLog() lists the entries of a group that is asked for", async () => {
    const disk = await closedStore();
    const { entries } = await inspectLog({ disk, directory, entriesOf: keyOf(2) });
    expect(entries).toEqual(
      [1, 3, 5].map((record, row) => ({
        index: row + 1,
        term: 1,
        type: "normal",
        file: firstFile,
        position: positionOf(record) + recordHeaderBytes + tableRowBytes,
        dataBytes,
        baseOffset: row * 2,
        endOffset: row * 2 + 2,
      })),
    );
    const unknown = await inspectLog({ disk, directory, entriesOf: keyOf(9) });
    expect(unknown.entries).toBeUndefined();
  });

  test("inspectLog() tells tombstones, files that were prepared and files never finished", async () => {
    const disk = new SimulatedDisk(new SeededRandom(1));
    const store = await openStore(disk);
    await fill(store, [1, 2], 20); // More than a quarter of a file: the next one is prepared.
    await store.deleteGroup(keyOf(1));
    await store.close();
    await (await disk.create(`${directory}/journal-0000000009-00000000.log.tmp`)).close();
    const { faults, files, groups, unfinishedFiles } = await inspected(disk);
    expect(faults).toEqual([]);
    expect(files.map(({ state }) => state)).toEqual(["written", "prepared"]);
    expect(files[0]).toMatchObject({ tombstoneCount: 1, groupCount: 2, recordCount: 43 });
    expect(groups.map(({ group }) => group)).toEqual(["2.1"]);
    expect(unfinishedFiles).toEqual(["journal-0000000009-00000000.log.tmp"]);
  });

  test("inspectLog() takes a write that was cut short for no damage, and leaves it there", async () => {
    const running = new SimulatedDisk(new SeededRandom(1));
    await fill(await openStore(running), [1, 2], 3);
    const disk = running.copy();
    disk.flip(firstPath, positionOf(5) + recordHeaderBytes + 30, 1);
    const inspection = await inspected(disk);
    expect(inspection.faults).toEqual([]);
    expect(inspection.end).toEqual({ file: firstFile, position: positionOf(5) });
    expect(inspection.groups.map(({ lastIndex }) => lastIndex)).toEqual([3, 2]);
  });

  test("inspectLog() tells file, position, group and entry of damaged data", async () => {
    const disk = await closedStore();
    disk.flip(firstPath, positionOf(3) + recordBytes - 1, 1);
    const inspection = await inspected(disk);
    expect(inspection.faults).toEqual([
      {
        file: firstFile,
        position: positionOf(3),
        endPosition: positionOf(4),
        group: "2.1",
        index: 2,
        what: "the data is not what was written",
      },
    ]);
    const [first, second] = inspection.groups;
    expect(first?.quarantined).toBeUndefined();
    expect(second?.quarantined).toContain("record 1 is not what was written");
  });

  test("inspectLog() tells the place of a record whose header is damaged, and the gap it leaves", async () => {
    const disk = await closedStore();
    disk.flip(firstPath, positionOf(3) + 40, 1);
    const [loss, gap, ...more] = await faultsOf(disk);
    const where = { file: firstFile, position: positionOf(3), endPosition: positionOf(4) };
    expect(loss).toMatchObject({ ...where, group: undefined });
    expect(gap).toMatchObject({ position: positionOf(5), group: "2.1" });
    expect(gap?.what).toContain("record 1 is missing before record 2");
    expect(more).toEqual([]);
  });

  test("inspectLog() finds nothing wrong with what is left of a group that was deleted", async () => {
    const disk = new SimulatedDisk(new SeededRandom(1));
    const store = await openStore(disk);
    const groups = [1, 2].map((groupId) => store.createGroup(keyOf(groupId)));
    await appendRounds(store, groups, 60);
    await moved(store); // The first records of both are gone from the journal.
    await store.deleteGroup(keyOf(2));
    await store.saveImage(groups[0] as GroupLog, 40, new Uint8Array(1)); // With a checkpoint that knows it no more.
    await store.close();
    const { faults, groups: left } = await inspected(disk);
    expect(faults).toEqual([]);
    expect(left.map(({ group }) => group)).toEqual(["1.1"]);
  });

  test("inspectLog() tells a file whose header is damaged, and all that is in it nevertheless", async () => {
    const disk = await closedStore();
    disk.flip(firstPath, 33, 1);
    const { faults, groups } = await inspected(disk);
    expect(faults.map(({ file, position, what }) => `${file} ${position}: ${what}`)).toEqual([
      `${firstFile} 0: the file's header is not what was written`,
    ]);
    expect(groups.map(({ lastIndex, quarantined }) => [lastIndex, quarantined])).toEqual([
      [3, undefined],
      [3, undefined],
    ]);
  });

  test("inspectLog() finds a fault whichever byte of a durable record is damaged", async () => {
    const disk = await closedStore();
    const path = firstPath;
    for (let position = positionOf(2); position < positionOf(3); position++) {
      disk.flip(path, position, 0x20);
      const { faults } = await inspectLog({ disk, directory });
      assert(faults.length > 0, `the byte at ${position} was damaged, and nobody noticed`);
      disk.flip(path, position, 0x20);
    }
    expect(await faultsOf(disk)).toEqual([]);
  });

  test("inspectLog() refuses what is no log, a newer one, and files of several directories", async () => {
    const empty = new SimulatedDisk(new SeededRandom(1));
    const failure = (disk: SimulatedDisk): Promise<unknown> => inspectLog({ disk, directory });
    await expect(failure(empty)).rejects.toMatchObject({ reason: "JOURNAL_MISSING" });
    await (await empty.create(`${directory}/notes.txt`)).close();
    await expect(failure(empty)).rejects.toMatchObject({ reason: "JOURNAL_MISSING" });

    const mixed = await closedStore();
    const other = new SimulatedDisk(new SeededRandom(1));
    await (await openStore(other, {}, "01234567-89ab-cdef-0123-456789abcdef")).close();
    const bytes = other.bytesOf(journalPaths(other)[0] ?? "");
    const file = await mixed.create(`${directory}/journal-0000000002-01234567.log`);
    await file.write(0, [bytes]);
    await expect(failure(mixed)).rejects.toMatchObject({ reason: "DIRECTORY_MISMATCH" });
  });

  test("inspectLog() names the process that has the directory open, and reads it when it is closed", async () => {
    const path = mkdtempSync(join(tmpdir(), "ropewalk-inspect-"));
    try {
      const disk = new NodeDisk();
      const options = { disk, directory: path, logger: silentLogger, clock: new ManualClock() };
      const store = await LogStore.open(options);
      await fill(store, [1], 2);
      await expect(inspectLog(options)).rejects.toMatchObject({
        reason: "DIRECTORY_LOCKED",
        message: expect.stringContaining("ropewalk log"),
      });
      await store.close();
      const journal = readdirSync(path).find((name) => name.startsWith("journal-")) ?? "";
      const before = readFileSync(join(path, journal));
      const inspection = await inspectLog(options);
      expect(inspection.groups[0]?.lastIndex).toBe(2);
      expect(readFileSync(join(path, journal)).equals(before)).toBe(true);

      // A copy has no lock, and gets none. The checkpoint of the clean end knows what is missing.
      rmSync(join(path, "LOCK"));
      rmSync(join(path, "LOCK.owner"));
      writeFileSync(join(path, journal), before.subarray(0, fileHeaderBytes + recordHeaderBytes));
      const { groups } = await inspectLog(options);
      expect(groups[0]?.quarantined).toMatch(/damaged place/);
      const names = readdirSync(path);
      expect(names.filter((name) => !name.startsWith("checkpoint-"))).toEqual([journal]);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  });
});

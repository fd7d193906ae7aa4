import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { JournalFile } from "./journal-file.ts";
import { JournalFileSupply } from "./journal-file-supply.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { directory, silentLogger, smallConfig, waitUntil } from "../../fakes/store-harness.ts";

const directoryId = new Uint8Array(16);
const { fileBytesMax, journalBytesMax } = smallConfig;

function supplyOf(
  disk: SimulatedDisk,
  freeFiles: readonly JournalFile[] = [],
  config = smallConfig,
): JournalFileSupply {
  return new JournalFileSupply({
    disk,
    directory,
    directoryId,
    logger: silentLogger,
    config,
    freeFiles,
  });
}

function newDisk(): SimulatedDisk {
  return new SimulatedDisk(new SeededRandom(1));
}

function newFile(
  disk: SimulatedDisk,
  sequence: number,
  bytes: number = fileBytesMax,
): Promise<JournalFile> {
  return JournalFile.create({ disk, directory, directoryId, sequence }, bytes);
}

function pathOf(sequence: number): string {
  return `${directory}/journal-${String(sequence).padStart(10, "0")}-00000000.log`;
}

test("JournalFileSupply.take() gives the prepared file, filled with zeros", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk);
  void supply.prepare(2);
  void supply.prepare(2);
  await waitUntil(() => {
    const path = disk.paths()[0];
    return path === pathOf(2) && disk.bytesOf(path).length === fileBytesMax;
  });
  const file = await supply.take(2);
  expect(file.sequence).toBe(2);
  expect(disk.counts.get("create")).toBe(1);
  await supply.close();
});

test("JournalFileSupply.take() creates a file when none is prepared, or preparing failed", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk);
  expect((await supply.take(1)).sequence).toBe(1);
  const full = new DiskError("FULL", "no space left");
  disk.failNext("create", full);
  await supply.prepare(2);
  expect(supply.failure).toBe(full);
  expect(supply.readyBytes).toBe(0);
  await supply.prepare(2);
  expect(supply.failure).toBeUndefined();
  expect(supply.readyBytes).toBe(fileBytesMax);
  expect((await supply.take(2)).sequence).toBe(2);
  await supply.close();
});

test("JournalFileSupply keeps what there was room for of a prepared file, and fills it up when there is more", async () => {
  // Larger than what a file is created with: the rest comes in pieces.
  const config = { ...smallConfig, fileBytesMax: 1024 * 1024, fillAheadBytes: 64 * 1024 };
  const disk = newDisk();
  const supply = supplyOf(disk, [], config);
  await supply.prepare(1);
  disk.failNext("write", new DiskError("FULL", "no space left"));
  await waitUntil(() => supply.failure !== undefined);
  expect(disk.paths()).toEqual([pathOf(1)]);
  const readyBytes = supply.readyBytes;
  expect(readyBytes).toBeGreaterThanOrEqual(256 * 1024);
  expect(readyBytes).toBeLessThan(config.fileBytesMax);
  await supply.prepareWhole(1);
  expect(supply.failure).toBeUndefined();
  expect(supply.readyBytes).toBe(config.fileBytesMax);
  const file = await supply.take(1);
  await file.append(4096, [new Uint8Array(8)], 8);
  expect(disk.counts.get("create")).toBe(1);
  await supply.close();
});

test("JournalFileSupply.take() replaces a prepared file that failed", async () => {
  const config = { ...smallConfig, fileBytesMax: 1024 * 1024, fillAheadBytes: 64 * 1024 };
  const disk = newDisk();
  const supply = supplyOf(disk, [], config);
  await supply.prepare(1);
  disk.failNext("write", new DiskError("IO", "input/output error"));
  await waitUntil(() => supply.failure !== undefined && disk.paths().length === 0);
  await supply.take(1);
  expect(disk.counts.get("create")).toBe(2);
  await supply.close();
});

test("JournalFileSupply.setDiskFull() removes files that wait to be used again, but for one", async () => {
  const disk = newDisk();
  const files = [await newFile(disk, 1), await newFile(disk, 2), await newFile(disk, 3)];
  const supply = supplyOf(disk, files);
  await supply.setDiskFull(true);
  expect(disk.paths()).toEqual([pathOf(1)]);
  await supply.release(await newFile(disk, 4));
  expect(disk.paths()).toEqual([pathOf(1)]);
  await supply.setDiskFull(false);
  await supply.release(await newFile(disk, 5));
  expect(supply.freeCount).toBe(2);
  await supply.close();
});

test("JournalFileSupply.take() keeps a free file for which there was no room under its new name", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk, [await newFile(disk, 1)]);
  disk.failNext("rename", new DiskError("FULL", "no space left"));
  await expect(supply.take(2)).rejects.toThrow(/no space/);
  await supply.take(2);
  expect(disk.paths()).toEqual([pathOf(2)]);
  await supply.close();
});

test("JournalFileSupply.release() keeps whole files for use again, as many as the journal may have", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk);
  const keptMax = Math.ceil(journalBytesMax / fileBytesMax);
  for (let sequence = 1; sequence <= keptMax + 1; sequence++) {
    await supply.release(await newFile(disk, sequence));
  }
  expect(supply.freeCount).toBe(keptMax);
  expect(disk.paths()).toHaveLength(keptMax);
  await supply.close();
});

test("JournalFileSupply.release() fills up a file whose last record found no place, and keeps no smaller or larger one", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk);
  for (const bytes of [fileBytesMax / 2 - 1, fileBytesMax + 1]) {
    await supply.release(await newFile(disk, 99, bytes));
    expect(disk.paths()).toEqual([]);
  }
  const overtaken = await newFile(disk, 1, fileBytesMax - 1);
  disk.failNext("write", new DiskError("FULL", "no space left"));
  await supply.release(overtaken);
  expect(disk.paths()).toEqual([]);
  await supply.release(await newFile(disk, 2, fileBytesMax - 1));
  expect(disk.bytesOf(pathOf(2))).toHaveLength(fileBytesMax);
  expect((await supply.take(2)).filledBytes).toBe(fileBytesMax);
  await supply.close();
});

test("JournalFileSupply.take() uses a free file again: it creates and fills nothing", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk, [await newFile(disk, 1), await newFile(disk, 2)]);
  const creates = disk.counts.get("create");
  await supply.prepare(8);
  const [eight, nine] = [await supply.take(8), await supply.take(9)];
  expect([eight.filledBytes, nine.filledBytes]).toEqual([fileBytesMax, fileBytesMax]);
  expect(disk.counts.get("create")).toBe(creates);
  expect(disk.paths()).toEqual([pathOf(8), pathOf(9)]);
  expect((await supply.take(10)).sequence).toBe(10);
  expect(disk.counts.get("create")).toBe((creates ?? 0) + 1);
  await supply.close();
});

test("JournalFileSupply.take() uses the free file that has the name already before any other", async () => {
  const disk = newDisk();
  const files = [await newFile(disk, 1), await newFile(disk, 5), await newFile(disk, 6)];
  const supply = supplyOf(disk, files);
  expect((await supply.take(5)).sequence).toBe(5);
  expect(disk.paths()).toEqual([pathOf(1), pathOf(5), pathOf(6)]);
  expect((await supply.take(6)).sequence).toBe(6);
  expect((await supply.take(7)).sequence).toBe(7);
  expect(disk.paths()).toEqual([pathOf(5), pathOf(6), pathOf(7)]);
  await supply.close();
});

test("JournalFileSupply.take() creates no file beside one that could not be used again", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk, [await newFile(disk, 1)]);
  disk.failNext("rename", new DiskError("IO", "input/output error"));
  await expect(supply.take(2)).rejects.toThrow(/input\/output/);
  expect((await supply.take(2)).sequence).toBe(2);
  expect(disk.paths()).toEqual([pathOf(1), pathOf(2)]);
  await supply.close();
});

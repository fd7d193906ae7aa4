import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { decodeFileHeader, fileHeaderBytes } from "./file-header.ts";
import { JournalFile, type NewJournalFile } from "./journal-file.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { directory } from "../../fakes/store-harness.ts";

function targetOf(disk: SimulatedDisk, sequence: number): NewJournalFile {
  return { disk, directory, sequence, directoryId: new Uint8Array(16) };
}

function newFile(disk: SimulatedDisk, filledBytes: number): Promise<JournalFile> {
  return JournalFile.create(targetOf(disk, 1), filledBytes);
}

test("JournalFile.create() leaves a file of its full length that a power cut does not take", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const file = await newFile(disk, 10_000);
  disk.crash();
  expect(disk.paths()).toEqual([file.path]);
  expect(disk.bytesOf(file.path).length).toBe(10_000);
});

test("JournalFile.create() leaves nothing under the file's name when it is cut short", async () => {
  for (let operations = 0; operations < 5; operations++) {
    const disk = new SimulatedDisk(new SeededRandom(operations));
    disk.dieAfter(operations);
    await expect(newFile(disk, 10_000)).rejects.toThrow(/died/);
    disk.crash();
    const whole = disk.paths().filter((path) => path.endsWith(".log"));
    for (const path of whole) expect(disk.bytesOf(path).length).toBe(10_000);
  }
});

test("JournalFile.append() is not erased by zeros that are on their way", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const disk = new SimulatedDisk(new SeededRandom(seed));
    const file = await newFile(disk, fileHeaderBytes);
    const filling = file.fill(20_000);
    const appended = file.append(fileHeaderBytes, [new Uint8Array(9000).fill(5)], 9000);
    await Promise.all([filling, appended]);
    const written = disk.bytesOf(file.path).subarray(fileHeaderBytes, fileHeaderBytes + 9000);
    expect(
      written.every((byte) => byte === 5),
      `seed ${seed}`,
    ).toBe(true);
    expect(file.filledBytes).toBe(20_000);
  }
});

test("JournalFile.append() fails when the sync of zeros beside it took the disk's error", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const disk = new SimulatedDisk(new SeededRandom(seed));
    const file = await newFile(disk, 20_000);
    disk.failNext("datasync", new DiskError("IO", "input/output error"));
    const filling = file.fill(30_000);
    const appended = file.append(fileHeaderBytes, [new Uint8Array(8)], 8);
    const outcomes = await Promise.allSettled([filling, appended]);
    expect(
      outcomes.some(({ status }) => status === "rejected"),
      `seed ${seed}`,
    ).toBe(true);
    const later = file.append(fileHeaderBytes + 8, [new Uint8Array(8)], 8);
    await expect(later).rejects.toThrow(/input\/output/);
  }
});

test("JournalFile.recycle() gives a file the next name and salt, and keeps what was written ahead", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const old = await newFile(disk, 10_000);
  await old.append(fileHeaderBytes, [new Uint8Array(100).fill(7)], 100);
  const file = await old.recycle(targetOf(disk, 8));
  expect([file.sequence, file.filledBytes]).toEqual([8, 10_000]);
  expect(file.salt).not.toBe(old.salt);
  disk.crash();
  expect(disk.paths()).toEqual([file.path]);
  const bytes = Buffer.from(disk.bytesOf(file.path));
  expect(decodeFileHeader(bytes)).toMatchObject({ kind: "header", header: { sequence: 8 } });
  expect(bytes[fileHeaderBytes]).toBe(7);
});

test("JournalFile.recycle() leaves the file under one of its two names when it is cut short", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const disk = new SimulatedDisk(new SeededRandom(seed));
    const old = await newFile(disk, 10_000);
    disk.dieAfter(seed % 4);
    await expect(old.recycle(targetOf(disk, 2))).rejects.toThrow(/died/);
    disk.crash();
    expect(disk.paths(), `seed ${seed}`).toHaveLength(1);
    expect(disk.bytesOf(disk.paths()[0] ?? "").length).toBe(10_000);
  }
});

test("JournalFile.range() is read through the handle that is open when it is copied", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const data = Buffer.alloc(1000, 7);
  const file = await newFile(disk, fileHeaderBytes + data.length);
  await file.append(fileHeaderBytes, [data], data.length);
  const range = file.range(fileHeaderBytes, data.length);
  const before = range.file;
  disk.failNext("write", new DiskError("FULL", "no space left"));
  const position = fileHeaderBytes + data.length;
  await expect(file.append(position, [data], data.length)).rejects.toMatchObject({ code: "FULL" });
  expect(range.file).not.toBe(before);
  const copy = disk.compose("copy", "new");
  await copy.write(0, [range]);
  expect(Buffer.from(disk.bytesOf("copy")).equals(data)).toBe(true);
});

import { crc32c } from "@ropewalk/protocol";
import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import type { EntryLocation } from "./entry-index.ts";
import { EntryReader } from "./entry-reader.ts";
import { LogError } from "./log-error.ts";
import { fileHeaderBytes } from "./journal/file-header.ts";
import { JournalFile } from "./journal/journal-file.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { SimulatedDisk } from "../fakes/simulated-disk.ts";
import { directory } from "../fakes/store-harness.ts";

const readBytesMax = 256 * 1024;

interface Fixture {
  readonly disk: SimulatedDisk;
  readonly reader: EntryReader;
  readonly file: JournalFile;
}

async function fixture(turnsMax?: number): Promise<Fixture> {
  const disk = new SimulatedDisk(new SeededRandom(1), turnsMax);
  const target = { disk, directory, sequence: 1, directoryId: new Uint8Array(16) };
  const file = await JournalFile.create(target, fileHeaderBytes + 1024 * 1024);
  return { disk, file, reader: new EntryReader(new Map([[1, file]]), readBytesMax) };
}

async function write(
  { file }: Fixture,
  dataPosition: number,
  bytes: number,
): Promise<EntryLocation> {
  const data = Buffer.alloc(bytes, dataPosition % 251);
  await file.write(dataPosition, [data]);
  return { sequence: 1, dataPosition, dataBytes: bytes, dataCrc: crc32c(data) };
}

function readsOf({ disk }: Fixture): number {
  return disk.counts.get("read") ?? 0;
}

test("EntryReader.read() brings neighbours with one read and distant entries with one each", async () => {
  const context = await fixture();
  const near = [
    await write(context, 5000, 1000),
    await write(context, 6000, 2000),
    await write(context, 30_000, 3000),
  ];
  const far = [await write(context, 200_000, 10), await write(context, 400_000, 0)];
  const data = await context.reader.read([...near, ...far]);
  expect(data.map((piece) => piece.length)).toEqual([1000, 2000, 3000, 10, 0]);
  expect(data.map((piece) => piece[0])).toEqual(
    [5000, 6000, 30_000, 200_000, undefined].map((at) => at && at % 251),
  );
  expect(readsOf(context)).toBe(2);
});

test("EntryReader.read() stays within its bound but for a single larger entry", async () => {
  const context = await fixture();
  const large = await write(context, 5000, readBytesMax + 1);
  const next = await write(context, 5000 + readBytesMax + 1, 10);
  const data = await context.reader.read([large, next]);
  expect(data.map((piece) => piece.length)).toEqual([readBytesMax + 1, 10]);
  expect(readsOf(context)).toBe(2);
});

test("EntryReader.read() does not let small pieces keep a large buffer", async () => {
  const context = await fixture();
  const data = await context.reader.read([
    await write(context, 5000, 10),
    await write(context, 50_000, 10),
  ]);
  expect(readsOf(context)).toBe(1);
  for (const piece of data) expect(piece.buffer.byteLength).toBeLessThan(10_000);
});

test("EntryReader.read() rejects what does not hash to its CRC, what ends early and what the disk refuses", async () => {
  const context = await fixture();
  const location = await write(context, 5000, 100);
  const damaged = { ...location, dataCrc: location.dataCrc ^ 1 };
  await expect(context.reader.read([damaged])).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  const beyond = { ...location, dataPosition: fileHeaderBytes + 1024 * 1024 - 50 };
  await expect(context.reader.read([beyond])).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  const gone = { ...location, sequence: 2 };
  await expect(context.reader.read([gone])).rejects.toMatchObject({ reason: "READ_FAILED" });
  const failure = new DiskError("IO", "input/output error");
  context.disk.failNext("read", failure);
  await expect(context.reader.read([location])).rejects.toMatchObject({ cause: failure });
});

test("EntryReader.read() that rejects reads nothing into the caller's memory any more", async () => {
  const context = await fixture(500);
  const [first, second] = [await write(context, 5000, 1000), await write(context, 200_000, 1000)];
  const failing = { ...first, dataCrc: first.dataCrc ^ 1 };
  // How long a read takes differs from one to the next.
  for (let round = 0; round < 20; round++) {
    const memory = Buffer.alloc(4000);
    await expect(context.reader.read([failing, second], memory)).rejects.toThrow(LogError);
    memory.fill(2); // It is somebody else's now.
    for (let turn = 0; turn < 1000; turn++) await Promise.resolve();
    expect(memory.equals(Buffer.alloc(4000, 2)), `round ${round}`).toBe(true);
  }
});

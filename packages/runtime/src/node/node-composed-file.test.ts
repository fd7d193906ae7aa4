import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { DiskFile, FilePiece } from "../disk.ts";
import { NodeDisk } from "./node-disk.ts";

const root = mkdtempSync(join(tmpdir(), "ropewalk-"));
const disk = new NodeDisk();

afterAll(() => rmSync(root, { recursive: true, force: true }));

async function sourceOf(name: string, bytes: Uint8Array): Promise<DiskFile> {
  const file = await disk.create(join(root, name));
  await file.write(0, [bytes]);
  return file;
}

/** Bytes that tell where they were. */
function counting(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE(at, at);
  return buffer;
}

test("NodeComposedFile.write() puts memory and ranges of files together, aligned or not, however large", async () => {
  const bytes = counting(9 * 1024 * 1024);
  const source = await sourceOf("source", bytes);
  const ranges: [position: number, bytes: number][][] = [
    [[0, 4096]], // Aligned.
    // Neighbours, gaps, backwards, nothing, far away.
    [
      [100, 300],
      [400, 1],
      [5000, 3000],
      [200, 10],
      [77, 0],
      [8_000_000, 100_000],
    ],
    [[1, 5 * 1024 * 1024]], // More than is written at once.
    Array.from({ length: 3000 }, (_, row) => [row * 1000, 900]),
  ];
  const path = join(root, "composed");
  const file = disk.compose(path, "new");
  const expected: Uint8Array[] = [];
  let position = 0;
  for (const [row, each] of ranges.entries()) {
    const memory = Buffer.alloc(1000, row);
    const pieces: FilePiece[] = [memory];
    const wanted: Uint8Array[] = [memory];
    for (const [from, length] of each) {
      pieces.push({ file: source, position: from, bytes: length });
      wanted.push(bytes.subarray(from, from + length));
    }
    // Every other write ends where the next can go past the system's cache.
    const length = wanted.reduce((sum, piece) => sum + piece.length, 0);
    const padding = row % 2 === 0 ? Buffer.alloc((4096 - (length % 4096)) % 4096) : Buffer.alloc(0);
    await file.write(position, [...pieces, padding]);
    expected.push(...wanted, padding);
    position += length + padding.length;
  }
  await file.finish();
  expect(Buffer.compare(await disk.readFile(path), Buffer.concat(expected))).toBe(0);
  await source.close();
});

test("NodeComposedFile.write() goes on with a file that is there, and overwrites it", async () => {
  const path = join(root, "going-on");
  const first = disk.compose(path, "new");
  await first.write(0, [Buffer.alloc(8192, 1)]);
  await first.abandon();
  const again = disk.compose(path, "existing");
  await again.write(4096, [Buffer.alloc(4096, 2)]);
  await again.finish();
  const expected = Buffer.concat([Buffer.alloc(4096, 1), Buffer.alloc(4096, 2)]);
  expect(Buffer.compare(await disk.readFile(path), expected)).toBe(0);
});

test("NodeComposedFile.write() rejects with EXISTS or NOT_FOUND where the file is there, or is not", async () => {
  const source = await sourceOf("there", Buffer.alloc(10));
  const fresh = disk.compose(source.path, "new");
  await expect(fresh.write(0, [Buffer.alloc(1)])).rejects.toMatchObject({ code: "EXISTS" });
  const missing = disk.compose(join(root, "missing"), "existing");
  await expect(missing.write(0, [Buffer.alloc(1)])).rejects.toMatchObject({ code: "NOT_FOUND" });
  await fresh.abandon();
  await missing.abandon();
  await source.close();
});

test("NodeComposedFile.write() rejects with SOURCE where a range is beyond its file's end, and writes no more", async () => {
  const source = await sourceOf("short", Buffer.alloc(1000, 7));
  const file = disk.compose(join(root, "from-short"), "new");
  await file.write(0, [Buffer.alloc(10)]);
  const beyond = { file: source, position: 500, bytes: 501 };
  await expect(file.write(10, [beyond])).rejects.toMatchObject({ code: "SOURCE" });
  await expect(file.write(10, [Buffer.alloc(1)])).rejects.toMatchObject({ code: "SOURCE" });
  await expect(file.finish()).rejects.toMatchObject({ code: "SOURCE" });
  await file.abandon();
  await source.close();
});

test("NodeComposedFile.finish() rejects where nothing was written", async () => {
  const file = disk.compose(join(root, "never"), "new");
  await expect(file.finish()).rejects.toMatchObject({ code: "IO" });
});

test("NodeDiskFile.close() waits for who copies from the file", async () => {
  const source = await sourceOf("lent", counting(1024 * 1024));
  const path = join(root, "copy");
  const file = disk.compose(path, "new");
  const written = file.write(0, [{ file: source, position: 0, bytes: 1024 * 1024 }]);
  await source.close();
  await written;
  await file.finish();
  expect(Buffer.compare(await disk.readFile(path), counting(1024 * 1024))).toBe(0);
});

test("NodeComposedFile.write() rejects with SOURCE where a range's file is closed, or being closed", async () => {
  const source = await sourceOf("closed-source", counting(64 * 1024));
  const range = { file: source, position: 4096, bytes: 8192 };
  const held = disk.compose(join(root, "of-closed-1"), "new");
  const holding = held.write(0, [range]);
  const closing = source.close(); // It waits for who copies.
  const late = disk.compose(join(root, "of-closed-2"), "new");
  await expect(late.write(0, [range])).rejects.toMatchObject({ code: "SOURCE" });
  await Promise.all([holding, closing]);
  await expect(held.write(8192, [range])).rejects.toMatchObject({ code: "SOURCE" });
  await Promise.all([held.abandon(), late.abandon()]);
});

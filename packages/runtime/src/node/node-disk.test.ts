import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { NodeDisk } from "./node-disk.ts";

const root = await mkdtemp(join(tmpdir(), "ropewalk-disk-"));
afterAll(() => rm(root, { recursive: true }));

const disk = new NodeDisk();
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test("NodeDisk.makeDirectory() creates what is missing and accepts what is there", async () => {
  const path = disk.join(root, "a", "b", "c");
  await disk.makeDirectory(path);
  await disk.makeDirectory(path);
  expect(await disk.exists(path)).toBe(true);
  expect(await disk.list(disk.join(root, "a"))).toEqual(["b"]);
});

test("NodeDisk.makeDirectory() rejects with EXISTS where a file is in the way", async () => {
  const path = disk.join(root, "in-the-way");
  await disk.replaceFile(path, text("file"));
  await expect(disk.makeDirectory(path)).rejects.toMatchObject({ code: "EXISTS" });
});

test.runIf(process.platform === "linux")(
  "NodeDisk.makeDirectory() rejects where a parent takes no entries, instead of trying for ever",
  async () => {
    await expect(disk.makeDirectory("/proc/nothing/below")).rejects.toThrow(/create directory/);
  },
);

test("NodeDisk.list() sorts by code unit and rejects with NOT_FOUND", async () => {
  const path = disk.join(root, "listed");
  await disk.makeDirectory(path);
  for (const name of ["b", "a", "B", "10", "9", "ä"]) {
    await disk.replaceFile(disk.join(path, name), text(name));
  }
  expect(await disk.list(path)).toEqual(["10", "9", "B", "a", "b", "ä"]);
  await expect(disk.list(disk.join(root, "missing"))).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringContaining(`list directory ${disk.join(root, "missing")}`),
  });
});

test("NodeDisk.open() and create() tell a missing from an existing file", async () => {
  const path = disk.join(root, "once");
  await expect(disk.open(path, "read-write")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await (await disk.create(path)).close();
  await expect(disk.create(path)).rejects.toMatchObject({ code: "EXISTS" });
  await expect(disk.readFile(disk.join(path, "below-a-file"))).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

test("NodeDisk.replaceFile() replaces whole contents and leaves no temporary file", async () => {
  const path = disk.join(root, "replaced", "meta");
  await disk.makeDirectory(disk.join(root, "replaced"));
  await disk.replaceFile(path, text("a long first version"));
  await disk.replaceFile(path, text("second"));
  expect(Buffer.from(await disk.readFile(path)).toString()).toBe("second");
  expect(await readdir(disk.join(root, "replaced"))).toEqual(["meta"]);
});

test("NodeDisk.replaceFile() keeps the old content and cleans up when it fails", async () => {
  const directory = disk.join(root, "not-replaced");
  await disk.makeDirectory(disk.join(directory, "is-a-directory"));
  const path = disk.join(directory, "is-a-directory");
  await expect(disk.replaceFile(path, text("content"))).rejects.toMatchObject({ code: "IO" });
  expect(await disk.list(directory)).toEqual(["is-a-directory"]);
});

test("NodeDisk.replaceFile() lets overlapping calls for one path follow each other", async () => {
  const path = disk.join(root, "overlapped");
  const versions = Array.from({ length: 20 }, (_, i) => "x".repeat(20_000 - i * 1_000) + `#${i}`);
  await Promise.all(versions.map((version) => disk.replaceFile(path, text(version))));
  expect(Buffer.from(await disk.readFile(path)).toString()).toBe(versions.at(-1));
});

test("NodeDisk.rename() and remove() move and remove files and empty directories", async () => {
  const directory = disk.join(root, "moved");
  await disk.makeDirectory(directory);
  await disk.replaceFile(disk.join(directory, "from"), text("content"));
  await disk.rename(disk.join(directory, "from"), disk.join(directory, "to"));
  await disk.syncDirectory(directory);
  expect(await disk.list(directory)).toEqual(["to"]);
  await expect(disk.remove(directory)).rejects.toThrow(/ENOTEMPTY/);
  await disk.remove(disk.join(directory, "to"));
  await disk.remove(directory);
  expect(await disk.exists(directory)).toBe(false);
  await expect(disk.remove(directory)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("NodeDisk.open() for writing through takes writes and reads", async () => {
  const path = join(root, "through");
  await disk.replaceFile(path, Buffer.from("0123456789"));
  const file = await disk.open(path, "write-through");
  await file.write(2, [Buffer.from("ab"), Buffer.from("c")]);
  const target = Buffer.alloc(10);
  expect(await file.read(0, target)).toBe(10);
  expect(target.toString()).toBe("01abc56789");
  await file.close();
  await expect(disk.open(join(root, "none"), "write-through")).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

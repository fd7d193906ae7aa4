import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { DiskFile } from "./disk.ts";
import { NodeDisk } from "./node/node-disk.ts";
import { WriteThroughFile } from "./write-through-file.ts";

const root = await mkdtemp(join(tmpdir(), "ropewalk-through-"));
afterAll(() => rm(root, { recursive: true }));

/** A file that notes in which order it was written and synced. */
function noting(file: DiskFile, calls: string[]): DiskFile {
  return new Proxy(file, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (name === "write" || name === "datasync") calls.push(name);
        return value.apply(target, args);
      };
    },
  });
}

test("WriteThroughFile.write() resolves after a sync that follows the write", async () => {
  const calls: string[] = [];
  const path = join(root, "file");
  const file = new WriteThroughFile(noting(await new NodeDisk().create(path), calls));
  await file.write(0, [Buffer.from("abc")]);
  expect(calls).toEqual(["write", "datasync"]);
  const target = Buffer.alloc(3);
  expect(file.readSync(0, target)).toBe(3);
  expect(await file.read(1, target)).toBe(2);
  expect(await file.sizeBytes()).toBe(3);
  await file.truncate(1);
  await file.datasync();
  expect(await file.sizeBytes()).toBe(1);
  expect(file.path).toBe(path);
  await file.close();
});

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { NodeDisk } from "./node-disk.ts";

const root = await mkdtemp(join(tmpdir(), "ropewalk-file-"));
afterAll(() => rm(root, { recursive: true }));

const disk = new NodeDisk();

test("NodeDiskFile.write() gathers more buffers than the system takes at once", async () => {
  const file = await disk.create(join(root, "gathered"));
  const buffers = Array.from({ length: 5_000 }, (_, i) => Buffer.from(`${i};`));
  await file.write(7, buffers);
  await file.datasync();
  const expected = Buffer.concat(buffers);
  const target = Buffer.alloc(expected.byteLength);
  expect(await file.read(7, target)).toBe(expected.byteLength);
  expect(target.equals(expected)).toBe(true);
  expect(await file.sizeBytes()).toBe(7 + expected.byteLength);
  await file.close();
});

test("NodeDiskFile.read() and readSync() stop at the end of the file", async () => {
  const file = await disk.create(join(root, "short"));
  await file.write(0, [Buffer.from("0123456789")]);
  const target = new Uint8Array(8);
  expect(await file.read(4, target)).toBe(6);
  expect(file.readSync(6, target)).toBe(4);
  expect(Buffer.from(target).toString()).toBe("678989\0\0");
  expect(await file.read(10, target)).toBe(0);
  expect(await file.read(99, target)).toBe(0);
  await file.close();
});

test("NodeDiskFile.truncate() cuts, and fills up with zeros", async () => {
  const file = await disk.create(join(root, "truncated"));
  await file.write(0, [Buffer.from("abcdef")]);
  await file.truncate(2);
  await file.truncate(4);
  const target = Buffer.alloc(6);
  expect(await file.read(0, target)).toBe(4);
  expect(target.toString()).toBe("ab\0\0\0\0");
  await file.close();
});

test("NodeDiskFile.write() of nothing touches nothing, and a bad position is refused", async () => {
  const file = await disk.create(join(root, "nothing"));
  await file.write(100, []);
  await file.write(100, [new Uint8Array(0)]);
  expect(await file.sizeBytes()).toBe(0);
  await expect(file.write(-1, [Buffer.from("x")])).rejects.toThrow(/natural number, not -1/);
  await file.close();
});

test("NodeDiskFile.close() waits for the calls under way, and later calls reject", async () => {
  const file = await disk.create(join(root, "closed"));
  const bytes = Buffer.alloc(8 * 1024 * 1024, 1);
  const written = file.write(0, [bytes]);
  await file.close();
  await written;
  await expect(file.write(0, [bytes])).rejects.toMatchObject({ code: "IO" });
  await expect(file.read(0, bytes)).rejects.toMatchObject({ code: "IO" });
  expect(() => file.readSync(0, bytes)).toThrow(/Cannot read/);
});

test("NodeDiskFile refuses a write on a file opened for reading", async () => {
  const path = join(root, "read-only");
  await disk.replaceFile(path, Buffer.from("x"));
  const file = await disk.open(path, "read");
  await expect(file.write(0, [Buffer.from("y")])).rejects.toMatchObject({ code: "IO" });
  await file.close();
});

test.skipIf(process.platform !== "linux")(
  "NodeDiskFile.write() rejects with FULL, and the file then refuses writes and syncs",
  async () => {
    const file = await disk.open("/dev/full", "read-write");
    const failure = { code: "FULL", message: expect.stringContaining("ENOSPC") };
    await expect(file.write(0, [Buffer.from("x")])).rejects.toMatchObject(failure);
    await expect(file.write(0, [Buffer.from("x")])).rejects.toThrow(/it failed before/);
    await expect(file.datasync()).rejects.toThrow(/it failed before/);
    await file.close();
  },
);

test.skipIf(process.platform === "win32")(
  "NodeDiskFile.write() finds the reason of a short write that Node does not report",
  async () => {
    // A limit on the size of files cuts the write in the middle: Node calls back with a count of
    // 8 KiB and no error, as it does when the disk runs full.
    const source = new URL("./node-disk.ts", import.meta.url).href;
    const path = join(root, "limited");
    const script = `import { NodeDisk } from ${JSON.stringify(source)};
      const file = await new NodeDisk().create(${JSON.stringify(path)});
      const pieces = Array.from({ length: 40 }, () => new Uint8Array(500));
      const report = (error) => console.log(error.code + ": " + error.message);
      await file.write(0, pieces).catch(report);
      await file.datasync().catch(report);`;
    const { stdout } = await promisify(execFile)("bash", [
      "-c",
      'ulimit -f 8 && exec "$0" --conditions=source --input-type=module --eval "$1"',
      process.execPath,
      script,
    ]);
    expect(stdout).toMatch(/^IO: Cannot write 20000 bytes at 0 .*stopped after 8192 bytes.*EFBIG/);
    expect(stdout).toMatch(/\nIO: Cannot write to or sync .*it failed before/);
  },
);

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { NodeDisk } from "./node-disk.ts";

const root = await mkdtemp(join(tmpdir(), "ropewalk-lock-"));
afterAll(() => rm(root, { recursive: true }));

const disk = new NodeDisk();

async function directory(name: string): Promise<string> {
  const path = join(root, name);
  await mkdir(path);
  return path;
}

/** A process that tries to lock `path`, reports "locked" or the reason, and stays if it did. */
async function locker(path: string): Promise<{ child: ChildProcess; report: string }> {
  const source = new URL("./node-disk.ts", import.meta.url).href;
  const script = `import { NodeDisk } from ${JSON.stringify(source)};
    try {
      await new NodeDisk().lockDirectory(${JSON.stringify(path)}, "broker 2");
      console.log("locked");
      setInterval(() => {}, 1000);
    } catch (error) {
      console.log(error.code);
    }`;
  const flags = ["--conditions=source", "--input-type=module", "--eval", script];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  assert(child.stdout !== null);
  const [report] = (await once(child.stdout, "data")) as [Buffer];
  return { child, report: report.toString().trim() };
}

async function killed(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

test("NodeDisk.lockDirectory() keeps another process out until it is killed", async () => {
  const path = await directory("two-processes");
  const { child, report } = await locker(path);
  expect(report).toBe("locked");
  await expect(disk.lockDirectory(path, "broker 1")).rejects.toMatchObject({
    code: "LOCKED",
    message: `Cannot lock directory ${path}: it is held by process ${child.pid} (broker 2)`,
  });
  await killed(child);
  const lock = await disk.lockDirectory(path, "broker 1");
  expect((await locker(path)).report).toBe("LOCKED");
  await lock.release();
});

test("NodeDisk.lockDirectory() refuses a second lock in the same process", async () => {
  const path = await directory("same-process");
  const lock = await disk.lockDirectory(path, "broker 1");
  const alias = join(root, "alias");
  await symlink(path, alias);
  for (const name of [path, alias]) {
    await expect(new NodeDisk().lockDirectory(name, "broker 2")).rejects.toMatchObject({
      code: "LOCKED",
      message: expect.stringContaining(`process ${process.pid} (broker 1), which is this process`),
    });
  }
  await lock.release();
  await lock.release();
  await (await disk.lockDirectory(path, "broker 2")).release();
});

test("NodeDisk.lockDirectory() lets exactly one of many win", async () => {
  const path = await directory("race");
  const contenders = await Promise.all(Array.from({ length: 4 }, () => locker(path)));
  const reports = contenders.map(({ report }) => report).sort();
  await Promise.all(
    contenders.filter(({ report }) => report === "locked").map(({ child }) => killed(child)),
  );
  expect(reports).toEqual(["LOCKED", "LOCKED", "LOCKED", "locked"]);
});

test("NodeDisk.lockDirectory() rejects where LOCK is a foreign file or the directory is missing", async () => {
  const path = await directory("foreign");
  await disk.replaceFile(join(path, "LOCK"), Buffer.alloc(4_096, "not a database "));
  await expect(disk.lockDirectory(path, "broker 1")).rejects.toThrow(/its file LOCK is foreign/);
  await expect(disk.lockDirectory(join(path, "missing"), "x")).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

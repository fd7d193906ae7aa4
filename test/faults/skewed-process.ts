import { readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import process from "node:process";
import { isMainThread } from "node:worker_threads";

/*
 * Loaded into a broker's process before the broker (--import): its clock differs by as much as a file says,
 * flushes of its disk take as much longer, and its event loop is blocked for as long, again and again. The file may change while the broker runs: see `ProcessSkew`.
 */

const path = process.env["ROPEWALK_TEST_SKEW"];
const lookMs = 20;
const betweenBlocksMs = 100;

let clockMs = 0;
let flushMs = 0;
let blockMs = 0;

function look(): void {
  if (path === undefined) return;
  const [clock, flush, blocked] = readFileSync(path, "utf8").split(" ").map(Number);
  clockMs = clock ?? 0;
  flushMs = flush ?? 0;
  blockMs = blocked ?? 0;
}

const trueNow = Date.now;
Date.now = () => trueNow() + clockMs;

/** Flushes are as slow as the file says at every moment, also those that have begun. */
async function untilFlushed(startMs: number): Promise<void> {
  while (performance.now() - startMs < flushMs) {
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

const handle = await open(import.meta.filename);
const prototype = Object.getPrototypeOf(handle) as FileHandle;
await handle.close();
const trueDatasync = Reflect.get<FileHandle, "datasync">(prototype, "datasync");
Object.defineProperty(prototype, "datasync", {
  writable: true,
  configurable: true,
  value: async function slowDatasync(this: FileHandle): Promise<void> {
    await untilFlushed(performance.now());
    await trueDatasync.call(this);
  },
});

// The journal's writes are flushed when they return; which ones are cannot be told here.
for (const name of ["write", "writev"] as const) {
  const trueWrite = Reflect.get<FileHandle, typeof name>(prototype, name);
  Object.defineProperty(prototype, name, {
    writable: true,
    configurable: true,
    value: async function slowWrite(this: FileHandle, ...args: unknown[]): Promise<unknown> {
      await untilFlushed(performance.now());
      return Reflect.apply(trueWrite, this, args);
    },
  });
}

/** The event loop gets a moment between two blocks. */
function block(): void {
  const endMs = performance.now() + blockMs;
  while (performance.now() < endMs);
  setTimeout(block, betweenBlocksMs).unref();
}

look();
setInterval(look, lookMs).unref();
if (isMainThread) block();

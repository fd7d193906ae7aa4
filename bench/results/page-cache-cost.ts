import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const pieceBytes = 1024 * 1024;
const pieces = 128;

/**
 * What the machine takes for a gigabyte written to a file, in processor seconds: to a new one, and over bytes that lie in
 * the page cache. On hardware the two are close. A virtual machine whose host takes memory back looks for each new page
 * there, which can cost thirty times as much as the write: systems that write new files all the time pay it, those that
 * write over the same ones do not.
 */
export interface PageCacheCost {
  readonly newSecondsPerGigabyte: number;
  readonly usedSecondsPerGigabyte: number;
}

/** Writes 128 MiB twice below the system's directory for temporary files. */
export function measurePageCacheCost(): PageCacheCost {
  const directory = mkdtempSync(join(tmpdir(), "ropewalk-bench-"));
  const file = openSync(join(directory, "pages"), "w");
  try {
    const newSecondsPerGigabyte = writeAll(file);
    return { newSecondsPerGigabyte, usedSecondsPerGigabyte: writeAll(file) };
  } finally {
    closeSync(file);
    rmSync(directory, { recursive: true });
  }
}

function writeAll(file: number): number {
  const piece = Buffer.alloc(pieceBytes, 1);
  const before = process.cpuUsage();
  for (let i = 0; i < pieces; i++) writeSync(file, piece, 0, pieceBytes, i * pieceBytes);
  const { system, user } = process.cpuUsage(before);
  fdatasyncSync(file);
  return ((user + system) / 1e6 / (pieces * pieceBytes)) * 1e9;
}

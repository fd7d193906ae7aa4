import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, tmpdir, totalmem } from "node:os";
import process from "node:process";
import { measurePageCacheCost, type PageCacheCost } from "./page-cache-cost.ts";

/** Where figures were taken. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGibibytes: number;
  readonly system: string;
  readonly fileSystem: string;
  /** Load average of the last minute when the run began: above 0.3 somebody else was using the machine. */
  readonly loadBefore: number;
  /** Absent in results of before it was measured. */
  readonly pageCache?: PageCacheCost;
}

const bytesPerGibibyte = 1024 ** 3;

/** Describes the machine that this runs on. */
export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGibibytes: Math.round(totalmem() / bytesPerGibibyte),
    system: `${platform()} ${release()} ${arch()}`,
    fileSystem: fileSystemOf(tmpdir()),
    loadBefore: Number(read("/proc/loadavg").split(" ")[0] ?? 0),
    pageCache: measurePageCacheCost(),
  };
}

/** Versions of what is measured and of what it runs in. */
export function describeVersions(): Record<string, string> {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../packages/cli/package.json", import.meta.url), "utf8"),
  );
  const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return {
    ropewalk: isManifest ? String(manifest.version) : "unknown",
    commit: output("git", ["describe", "--always", "--dirty"]),
    node: process.version,
  };
}

function fileSystemOf(directory: string): string {
  const lines = output("df", ["--output=fstype,source", directory]).split("\n");
  return lines.at(-1)?.trim().replaceAll(/\s+/g, " on ") ?? "unknown";
}

function output(program: string, args: readonly string[]): string {
  try {
    const stdio = ["ignore", "pipe", "ignore"] as const;
    return execFileSync(program, args, { encoding: "utf8", stdio: [...stdio] }).trim();
  } catch {
    return "unknown"; // It is not installed, or this is no checkout.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Not Linux.
  }
}

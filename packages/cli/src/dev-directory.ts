import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

import { type Disk, DiskError, type DiskLock } from "@ropewalk/runtime";

import { failure, messageOf } from "./cli-error.ts";
import type { DevLayout } from "./dev-layout.ts";

/** Tells which cluster a directory was made for. */
const MARKER_FILE = "dev.json";

/** Where the data goes: the directory that was asked for, or a new one that is removed at exit. */
export async function chooseDevDirectory(path: string, ephemeral: boolean): Promise<string> {
  if (!ephemeral) return resolve(path);
  const directory = await mkdtemp(join(tmpdir(), "ropewalk-dev-"));
  // "exit" runs whatever the reason is, a second Ctrl-C included; only synchronous work counts there.
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * Takes the directory for this process, and makes sure that it was made with as many brokers and the
 * same ports: a cluster remembers where its brokers are.
 */
export async function claimDevDirectory(disk: Disk, layout: DevLayout): Promise<DiskLock> {
  const { dataDirectory, brokerCount, portBase } = layout;
  await disk.makeDirectory(dataDirectory);
  const lock = await lockDirectory(disk, dataDirectory, `ropewalk dev on port ${portBase}`);
  const marker = await readMarker(disk, dataDirectory);
  if (marker === undefined) return lock;
  if (marker.brokers !== brokerCount || marker.portBase !== portBase) {
    await lock.release();
    throw failure(
      `cannot start a cluster in ${dataDirectory}: it was made with other flags; ` +
        `use --brokers ${marker.brokers} --port-base ${marker.portBase}, or another --data-dir`,
    );
  }
  return lock;
}

/** Notes which cluster a directory is for; to be called just before its brokers start for the first time. */
export function markDevDirectory(disk: Disk, layout: DevLayout): Promise<void> {
  const { dataDirectory, brokerCount, portBase } = layout;
  const text = `${JSON.stringify({ brokers: brokerCount, portBase })}\n`;
  return disk.replaceFile(disk.join(dataDirectory, MARKER_FILE), Buffer.from(text));
}

async function lockDirectory(disk: Disk, directory: string, owner: string): Promise<DiskLock> {
  try {
    return await disk.lockDirectory(directory, owner);
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== "LOCKED") throw error;
    throw failure(`${messageOf(error)}; stop it, or use another --data-dir and --port-base`, error);
  }
}

interface Marker {
  readonly brokers: number;
  readonly portBase: number;
}

async function readMarker(disk: Disk, directory: string): Promise<Marker | undefined> {
  const path = disk.join(directory, MARKER_FILE);
  if (!(await disk.exists(path))) return undefined;
  try {
    const marker: unknown = JSON.parse(Buffer.from(await disk.readFile(path)).toString("utf8"));
    if (isMarker(marker)) return marker;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw failure(
    `cannot use ${path}: it does not say which cluster it belongs to; use another --data-dir`,
  );
}

function isMarker(value: unknown): value is Marker {
  if (typeof value !== "object" || value === null) return false;
  if (!("brokers" in value) || !("portBase" in value)) return false;
  return typeof value.brokers === "number" && typeof value.portBase === "number";
}

import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

import { type Disk, DiskError, type DiskLock } from "@ropewalk/runtime";

import { failure } from "./cli-error.ts";
import type { DevLayout } from "./dev-layout.ts";

/** Tells with how many brokers a directory was made. */
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
 * Takes the directory for this process, and makes sure that it was made with as many brokers: a
 * cluster whose voters are missing would never become ready.
 */
export async function claimDevDirectory(disk: Disk, layout: DevLayout): Promise<DiskLock> {
  const { dataDirectory, brokerCount, portBase } = layout;
  await disk.makeDirectory(dataDirectory);
  const lock = await lockDirectory(disk, dataDirectory, `ropewalk dev on port ${portBase}`);
  const madeWith = await readBrokerCount(disk, dataDirectory);
  if (madeWith === undefined) {
    const marker = `${JSON.stringify({ brokers: brokerCount })}\n`;
    await disk.replaceFile(disk.join(dataDirectory, MARKER_FILE), Buffer.from(marker));
  } else if (madeWith !== brokerCount) {
    await lock.release();
    throw failure(
      `cannot start ${brokerCount} brokers in ${dataDirectory}: it was made with ${madeWith}; ` +
        `use --brokers ${madeWith}, or another --data-dir`,
    );
  }
  return lock;
}

async function lockDirectory(disk: Disk, directory: string, owner: string): Promise<DiskLock> {
  try {
    return await disk.lockDirectory(directory, owner);
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== "LOCKED") throw error;
    throw failure(`${error.message}; stop it, or use another --data-dir (and --port-base)`, error);
  }
}

async function readBrokerCount(disk: Disk, directory: string): Promise<number | undefined> {
  const path = disk.join(directory, MARKER_FILE);
  if (!(await disk.exists(path))) return undefined;
  const marker: unknown = JSON.parse(Buffer.from(await disk.readFile(path)).toString("utf8"));
  const isMarker = typeof marker === "object" && marker !== null && "brokers" in marker;
  if (isMarker && typeof marker.brokers === "number") return marker.brokers;
  throw failure(
    `cannot use ${directory}: its file ${MARKER_FILE} does not say how many brokers it is for`,
  );
}

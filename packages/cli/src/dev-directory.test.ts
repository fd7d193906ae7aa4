import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { NodeDisk } from "@ropewalk/runtime/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { claimDevDirectory, markDevDirectory } from "./dev-directory.ts";

const disk = new NodeDisk();
let parent: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "ropewalk-cli-"));
});

afterEach(async () => {
  await rm(parent, { recursive: true });
});

describe("claimDevDirectory()", () => {
  test("claimDevDirectory() creates the directory, and takes it again for the same cluster", async () => {
    const layout = { brokerCount: 3, portBase: 7700, dataDirectory: join(parent, "a", "b") };
    for (let start = 0; start < 2; start += 1) {
      const lock = await claimDevDirectory(disk, layout);
      await markDevDirectory(disk, layout);
      await lock.release();
    }
  });

  test("claimDevDirectory() names the owner of a directory that is taken", async () => {
    const layout = { brokerCount: 3, portBase: 7700, dataDirectory: parent };
    const lock = await claimDevDirectory(disk, layout);
    await expect(claimDevDirectory(disk, layout)).rejects.toThrow(
      new RegExp(
        `process ${process.pid} \\(ropewalk dev on port 7700\\).*; stop it, or use another --data-dir`,
      ),
    );
    await lock.release();
  });

  test("claimDevDirectory() refuses a directory that was made for another cluster, and lets go of it", async () => {
    const layout = { brokerCount: 3, portBase: 7700, dataDirectory: parent };
    await markDevDirectory(disk, layout);
    for (const other of [{ brokerCount: 1 }, { portBase: 8700 }, { brokerCount: 1 }]) {
      await expect(claimDevDirectory(disk, { ...layout, ...other })).rejects.toThrow(
        "it was made with other flags; use --brokers 3 --port-base 7700, or another --data-dir",
      );
    }
  });

  test("claimDevDirectory() refuses a directory whose marker cannot be read", async () => {
    await writeFile(join(parent, "dev.json"), "{");
    const layout = { brokerCount: 3, portBase: 7700, dataDirectory: parent };
    await expect(claimDevDirectory(disk, layout)).rejects.toThrow(
      "does not say which cluster it belongs to",
    );
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiskError } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { describe, expect, onTestFinished, test } from "vitest";
import { openBrokerStorage, unknownThroughIndex } from "./broker-storage.ts";
import type { Identity } from "./membership/identity.ts";

function storage(
  enteredIndex: number,
  isDamaged: boolean,
): Parameters<typeof unknownThroughIndex>[0] {
  const identity: Identity = {
    directoryId: "dir",
    brokerId: 4,
    clusterId: "cluster",
    startCount: 2,
    bootstrapIds: [1, 2, 3],
    hasJoined: true,
    enteredIndex,
    hasJournal: true,
  };
  return { identity, log: { isDamaged } };
}

describe("unknownThroughIndex()", () => {
  test("says of a sound directory that the log knows what came since it was taken in, also after a start", () => {
    // Entry 73 made a topic, and the power went before its replica wrote anything: it is a new one all the same.
    expect(unknownThroughIndex(storage(12, false), 80)).toBe(12);
    expect(unknownThroughIndex(storage(0, false), 80)).toBe(0);
  });

  test("lets damage hide everything that the metadata told of before the start", () => {
    expect(unknownThroughIndex(storage(12, true), 80)).toBe(80);
    expect(unknownThroughIndex(storage(12, true), 0)).toBe(12);
  });
});

test("openBrokerStorage() gives the directory and all files back where it fails half-way", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ropewalk-storage-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const runtime = nodeRuntime({ log: { level: "silent" } });
  const claim = { brokerId: 1, bootstrapIds: [1] };
  const open = (): Promise<never> => Promise.reject(new DiskError("FULL", "no space left"));
  const full = { ...runtime, keyValueStores: { open } };
  await expect(openBrokerStorage(full, directory, claim)).rejects.toMatchObject({ code: "FULL" });
  // Somebody made room.
  const opened = await openBrokerStorage(runtime, directory, claim);
  expect(opened.identity.startCount).toBe(2);
  await opened.close();
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeDisk } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { LogStore } from "./log-store.ts";
import {
  keyOf,
  ManualClock,
  sampleBatch,
  sampleEntry,
  silentLogger,
} from "../fakes/store-harness.ts";

test("LogStore keeps what it acknowledged on the machine's own disk, over several files", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ropewalk-log-"));
  const open = (): Promise<LogStore> =>
    LogStore.open({
      disk: new NodeDisk(),
      directory: join(directory, "log"),
      logger: silentLogger,
      clock: new ManualClock(),
      config: { fileBytesMax: 256 * 1024, fillAheadBytes: 64 * 1024, cacheBytesMax: 64 * 1024 },
    });
  try {
    const store = await open();
    const groups = [1, 2, 3].map((groupId) => store.createGroup(keyOf(groupId)));
    const appends: Promise<void>[] = [];
    for (let index = 1; index <= 60; index++) {
      const hardState = { term: 1, vote: 1, commit: index - 1 };
      const writes = groups.map((group) => {
        const data = sampleBatch(group.endOffset(), 5, 4000 + index, index);
        return { group, hardState, entries: [sampleEntry(index, 1, data)] };
      });
      appends.push(store.append(writes));
    }
    await Promise.all(appends);
    await store.close();
    const reopened = await open();
    for (const group of reopened.groups()) {
      expect(group.hardState.commit).toBe(59);
      const entries = await group.fetch(1, 61, 1e9);
      expect(entries.map((entry) => entry.data.length)).toEqual(
        Array.from({ length: 60 }, (_, row) => 4001 + row),
      );
      const batches = await group.read(100, 300, 1e9);
      expect(batches.length).toBeGreaterThan(0);
    }
    expect(reopened.statistics.fileCount).toBeGreaterThan(2);
    await reopened.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

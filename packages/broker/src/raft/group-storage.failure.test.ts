import { type GroupLog, LogError } from "@ropewalk/log";
import { expect, test } from "vitest";
import { GroupStorage } from "./group-storage.ts";

const confState = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** A storage whose log has nothing in memory and fails to read with this; what its group hears of it. */
function storageThatFails(error: unknown, quarantined?: LogError) {
  const heard: string[] = [];
  const retries: (() => void)[] = [];
  const log: Partial<GroupLog> = {
    quarantined,
    firstIndex: () => 1,
    lastIndex: () => 1,
    entries: () => "pending",
    fetch: () => Promise.reject(error),
  };
  const storage = new GroupStorage(log as GroupLog, confState, 0, {
    fetched: () => heard.push("fetched"),
    damaged: () => heard.push("damaged"),
    readFailed: (_error, retry) => {
      heard.push("read failed");
      retries.push(retry);
    },
    snapshotWanted: () => "unavailable",
  });
  return { heard, retries, ask: () => storage.entries(1, 2, 1) };
}

const damage = new LogError("DATA_DAMAGED", "other bytes");

test.each([
  ["other bytes are stored", damage, undefined],
  ["the log is in quarantine", new LogError("READ_FAILED", "gone"), damage],
])(
  "GroupStorage.entries() says that a replica is damaged where %s",
  async (_what, error, quarantined) => {
    const { ask, heard } = storageThatFails(error, quarantined);
    expect(ask()).toBe("pending");
    await expect.poll(() => heard).toEqual(["damaged"]);
  },
);

test.each([
  new LogError("READ_FAILED", "the disk is busy"),
  new LogError("GROUP_DELETED", "gone"),
  new Error("anything else"),
])(
  "GroupStorage.entries() is asked again after a pause where it failed for now: %s",
  async (error) => {
    const { ask, heard, retries } = storageThatFails(error);
    ask();
    await expect.poll(() => heard).toEqual(["read failed"]);
    ask();
    retries[0]?.();
    expect(heard).toEqual(["read failed", "fetched"]);
    ask();
    await expect.poll(() => heard).toEqual(["read failed", "fetched", "read failed"]);
  },
);

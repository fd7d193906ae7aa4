import type { GroupLog, LogEntry } from "@ropewalk/log";
import { expect, test } from "vitest";
import { GroupStorage } from "./group-storage.ts";

const confState = {
  voters: [1],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

function entryOf(index: number, term: number): LogEntry {
  return { index, term, type: "normal", data: new Uint8Array(10) };
}

/** A log that keeps nothing of what is read: all its memory is taken by what is not durable yet. */
class ForgetfulLog {
  lastTerm = 1;
  fetches = 0;

  term(): number {
    return this.lastTerm;
  }

  /** Entries that it has in memory all the same. */
  kept: readonly LogEntry[] = [];

  entries(startIndex: number): readonly LogEntry[] | "pending" {
    const found = this.kept.filter(({ index }) => index >= startIndex);
    return found.length === 0 ? "pending" : found;
  }

  fetch(startIndex: number, endIndex: number): Promise<readonly LogEntry[]> {
    this.fetches += 1;
    const count = endIndex - startIndex;
    return Promise.resolve(Array.from({ length: count }, (_, row) => entryOf(startIndex + row, 1)));
  }
}

function storageOf(log: ForgetfulLog, fetched: () => void): GroupStorage {
  return new GroupStorage(log as unknown as GroupLog, confState, 0, {
    fetched,
    snapshotWanted: () => "unavailable",
    damaged: () => undefined,
    readFailed: () => undefined,
  });
}

test("GroupStorage.entries() answers what was read although the log has no room to keep it", async () => {
  const log = new ForgetfulLog();
  const answers: unknown[] = [];
  const storage = storageOf(log, () => answers.push(storage.entries(3, 6, 20)));
  expect(storage.entries(3, 6, 20)).toBe("pending");
  await Promise.resolve();
  await Promise.resolve();
  expect(answers).toEqual([[entryOf(3, 1), entryOf(4, 1)]]);
  expect(storage.entries(3, 6, 20)).toBe("pending"); // It serves once.
  expect(log.fetches).toBe(2);
});

test("GroupStorage.entries() lets go what was read when the log itself has answered who asked for it", async () => {
  const log = new ForgetfulLog();
  const storage = storageOf(log, () => undefined);
  expect(storage.entries(3, 6, 100)).toBe("pending");
  await Promise.resolve();
  await Promise.resolve();
  // Somebody else is answered, who did not ask for it.
  log.kept = [entryOf(9, 1)];
  expect(storage.entries(9, 10, 100)).toEqual(log.kept);
  log.kept = [entryOf(3, 1)];
  expect(storage.entries(3, 6, 100)).toEqual(log.kept);
  // There may be thousands of groups of which something was read once.
  log.kept = [];
  expect(storage.entries(3, 6, 100)).toBe("pending");
  expect(log.fetches).toBe(2);
});

test("GroupStorage.entries() answers no entry that was replaced while it was read", async () => {
  const log = new ForgetfulLog();
  const storage = storageOf(log, () => undefined);
  storage.entries(3, 6, 100);
  await Promise.resolve();
  log.lastTerm = 2;
  expect(storage.entries(3, 6, 100)).toBe("pending");
});

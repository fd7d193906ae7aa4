import type { GroupLog, LogEntry } from "@ropewalk/log";
import { expect, test } from "vitest";
import { Turns } from "../turns.ts";
import { GroupStorage, type GroupStorageEvents } from "./group-storage.ts";

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
  /** After its last entry. */
  end = 10;

  firstIndex(): number {
    return 1;
  }

  lastIndex(): number {
    return this.end - 1;
  }

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

function storageOf(log: ForgetfulLog, fetched: () => void, reads?: Turns): GroupStorage {
  const events: GroupStorageEvents = {
    fetched,
    snapshotWanted: () => "unavailable",
    damaged: () => undefined,
    readFailed: () => undefined,
  };
  return new GroupStorage(log as unknown as GroupLog, confState, 0, events, reads);
}

test("GroupStorage.entries() answers what was read although the log has no room to keep it", async () => {
  const log = new ForgetfulLog();
  const answers: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const storage = storageOf(log, () => {
    answers.push(storage.entries(3, 6, 20));
    resolve();
  });
  expect(storage.entries(3, 6, 20)).toBe("pending");
  await promise;
  expect(answers).toEqual([[entryOf(3, 1), entryOf(4, 1)]]);
  expect(storage.entries(3, 6, 20)).toBe("pending"); // It serves once.
  await expect.poll(() => log.fetches).toBe(2);
});

test("GroupStorage.entries() lets go what was read when the log itself has answered who asked for it", async () => {
  const log = new ForgetfulLog();
  const { promise, resolve } = Promise.withResolvers<void>();
  const storage = storageOf(log, resolve);
  expect(storage.entries(3, 6, 100)).toBe("pending");
  await promise;
  // Somebody else is answered, who did not ask for it.
  log.kept = [entryOf(9, 1)];
  expect(storage.entries(9, 10, 100)).toEqual(log.kept);
  log.kept = [entryOf(3, 1)];
  expect(storage.entries(3, 6, 100)).toEqual(log.kept);
  // There may be thousands of groups of which something was read once.
  log.kept = [];
  expect(storage.entries(3, 6, 100)).toBe("pending");
  await expect.poll(() => log.fetches).toBe(2);
});

test("GroupStorage.entries() answers no entry that was replaced while it was read", async () => {
  const log = new ForgetfulLog();
  const { promise, resolve } = Promise.withResolvers<void>();
  const storage = storageOf(log, resolve);
  storage.entries(3, 6, 100);
  await promise;
  log.lastTerm = 2;
  expect(storage.entries(3, 6, 100)).toBe("pending");
});

test("GroupStorage.entries() has what it lacks read when it is its turn, where many groups ask at once", async () => {
  const reads = new Turns(1);
  await reads.take();
  const log = new ForgetfulLog();
  const { promise, resolve } = Promise.withResolvers<void>();
  const storage = storageOf(log, resolve, reads);
  expect(storage.entries(3, 6, 100)).toBe("pending");
  await Promise.resolve();
  expect(log.fetches).toBe(0);
  reads.giveBack();
  await promise;
  expect(storage.entries(3, 6, 100)).toHaveLength(3);
  expect(reads.tryTake()).toBe(true);
});

test("GroupStorage.entries() reads nothing that went before its turn came", async () => {
  const reads = new Turns(1);
  await reads.take();
  const log = new ForgetfulLog();
  const { promise, resolve } = Promise.withResolvers<void>();
  const storage = storageOf(log, resolve, reads);
  storage.entries(3, 6, 100);
  log.end = 4;
  reads.giveBack();
  await promise;
  expect(log.fetches).toBe(0);
});

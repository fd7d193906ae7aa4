import { describe, expect, test } from "vitest";
import { entriesOf, votersUpTo } from "../fakes/in-memory-group.ts";
import { NO_DATA } from "./entry.ts";
import { MemoryStorage } from "./memory-storage.ts";

describe("MemoryStorage", () => {
  test("skips what is compacted already when it appends", () => {
    const storage = new MemoryStorage();
    storage.append(entriesOf([1, 1, 1]));
    storage.compact(2);
    storage.append(entriesOf([1, 1, 1, 2]));
    expect([storage.firstIndex(), storage.lastIndex(), storage.term(4)]).toEqual([3, 4, 2]);
    storage.append(entriesOf([1]));
    storage.append([]);
    expect(storage.lastIndex()).toBe(4);
  });

  test("refuses gaps, and snapshots and cuts of what it does not hold", () => {
    const storage = new MemoryStorage();
    expect(() => storage.append(entriesOf([1], 2))).toThrow("leaves no gap");
    expect(() => storage.compact(1)).toThrow("that it holds");
    expect(() => storage.createSnapshot(1, votersUpTo(1), NO_DATA)).toThrow("that the log holds");
    expect(() => storage.createSnapshot(0, votersUpTo(1), NO_DATA)).toThrow("newer");
    storage.compact(0);
    expect(storage.firstIndex()).toBe(1);
  });

  test("has a snapshot once there was one, and keeps the newest", () => {
    const storage = new MemoryStorage();
    expect(storage.snapshot()).toBe("unavailable");
    storage.append(entriesOf([1, 1, 1]));
    const snapshot = storage.createSnapshot(2, votersUpTo(1), NO_DATA);
    expect(storage.snapshot()).toBe(snapshot);
    storage.applySnapshot({ ...snapshot, index: 1 });
    expect(storage.snapshot()).toBe(snapshot);
  });
});

import { expect, test } from "vitest";
import { sampleEntry } from "../fakes/store-harness.ts";
import { type CachedEntries, TailCache } from "./tail-cache.ts";

function entry(index: number, bytes: number = 1000): ReturnType<typeof sampleEntry> {
  return sampleEntry(index, 1, new Uint8Array(bytes));
}

test("TailCache lets the oldest entries of all groups go first", () => {
  const cache = new TailCache(5000);
  const [first, second]: CachedEntries[] = [new Map(), new Map()];
  for (let index = 1; index <= 4; index++) {
    cache.add(first ?? new Map(), entry(index), 0);
    cache.add(second ?? new Map(), entry(index), 0);
  }
  expect([...(first?.keys() ?? [])]).toEqual([3, 4]);
  expect([...(second?.keys() ?? [])]).toEqual([3, 4]);
  expect(cache.bytes).toBeLessThanOrEqual(5000);
});

test("TailCache keeps what is not durable yet, whatever the bound", () => {
  const cache = new TailCache(1000);
  const cached: CachedEntries = new Map();
  for (let index = 1; index <= 5; index++) cache.add(cached, entry(index), index);
  expect(cached.size).toBe(5);
  cache.markDurable(3);
  expect([...cached.keys()]).toEqual([4, 5]);
  cache.markDurable(5);
  expect([...cached.keys()]).toEqual([5]);
});

test("TailCache keeps the newest entry even when it is larger than the cache", () => {
  const cache = new TailCache(1000);
  const cached: CachedEntries = new Map();
  cache.add(cached, entry(1, 5000), 0);
  expect(cached.has(1)).toBe(true);
  cache.add(cached, entry(2, 10), 0);
  expect([...cached.keys()]).toEqual([2]);
});

test("TailCache does not drop the entry that replaced an older one", () => {
  const cache = new TailCache(2500);
  const cached: CachedEntries = new Map();
  cache.add(cached, entry(1), 0);
  const replacement = entry(1);
  cache.add(cached, replacement, 0);
  cache.add(cached, entry(2), 0);
  expect(cached.get(1)).toBe(replacement);
});

test("TailCache forgets its slots as it goes", () => {
  const cache = new TailCache(10_000);
  const cached: CachedEntries = new Map();
  for (let index = 1; index <= 20_000; index++) cache.add(cached, entry(index, 100), 0);
  expect(cached.size).toBe(Math.floor(10_000 / 260));
});

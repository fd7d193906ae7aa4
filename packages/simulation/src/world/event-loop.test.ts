import process from "node:process";
import { expect, test } from "vitest";
import { EventLoop } from "./event-loop.ts";
import { SeededRandom } from "./seeded-random.ts";

test("EventLoop.runUntil() lets things happen in the order of their times, equal ones in the order they were asked for", async () => {
  const loop = new EventLoop();
  const random = new SeededRandom("order");
  const happened: number[] = [];
  for (let each = 0; each < 500; each++) {
    const atMs = random.integer(50);
    loop.schedule(atMs, () => happened.push(atMs * 1000 + each));
  }
  await loop.runUntil(() => false, 100);
  expect(happened).toHaveLength(500);
  expect(happened).toEqual(happened.toSorted((a, b) => a - b));
  expect(loop.nowMs).toBe(100);
});

test("EventLoop.runUntil() runs all that follows from one event before the next", async () => {
  const loop = new EventLoop();
  const happened: string[] = [];
  loop.schedule(1, () => {
    void (async () => {
      for (let turn = 0; turn < 100; turn++) await Promise.resolve();
      happened.push("after a hundred turns");
    })();
  });
  loop.schedule(1, () => happened.push("the next event"));
  await loop.runUntil(() => false, 2);
  expect(happened).toEqual(["after a hundred turns", "the next event"]);
});

test("EventLoop.schedule() can be taken back", async () => {
  const loop = new EventLoop();
  let count = 0;
  loop.schedule(1, () => count++).cancel();
  await loop.runUntil(() => false, 2);
  expect([count, loop.eventCount]).toEqual([0, 0]);
});

test("EventLoop.runUntil() ends where more happens within a second than may", async () => {
  const loop = new EventLoop(100);
  const again = (): void => void loop.schedule(15, again);
  again();
  await loop.runUntil(() => false, 5000);
  const storm = (): void => void loop.schedule(5, storm);
  storm();
  await expect(loop.runUntil(() => false, 10_000)).rejects.toThrow("a storm");
});

test("EventLoop.runUntil() goes on after a tick or a microtask that throws, and the process hears of both", async () => {
  const listeners = process.listeners("uncaughtException");
  const heard: unknown[] = [];
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => heard.push(error.message));
  try {
    const loop = new EventLoop();
    const throwing = (message: string) => () => {
      throw new Error(message);
    };
    loop.schedule(1, () => process.nextTick(throwing("a tick")));
    loop.schedule(2, () => queueMicrotask(throwing("a microtask")));
    let isOver = false;
    loop.schedule(3, () => (isOver = true));
    expect(await loop.runUntil(() => isOver, 4)).toBe(true);
    await expect.poll(() => heard).toEqual(expect.arrayContaining(["a tick", "a microtask"]));
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

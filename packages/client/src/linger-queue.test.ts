import { describe, expect, test } from "vitest";
import { VirtualClock } from "../fakes/virtual-clock.ts";
import { LingerQueue } from "./linger-queue.ts";

function queueOf(
  clock: VirtualClock,
  lingerMs: number,
): {
  push: (name: string) => void;
  due: string[];
  queue: LingerQueue<{ name: string; createdAtMs: number }>;
} {
  const due: string[] = [];
  const queue = new LingerQueue<{ name: string; createdAtMs: number }>(
    clock,
    lingerMs,
    ({ name }) => due.push(name),
  );
  return { push: (name) => queue.push({ name, createdAtMs: clock.monotonicMs() }), due, queue };
}

describe("LingerQueue", () => {
  test("LingerQueue.push() makes every item due after its own time, with one timer", () => {
    const clock = new VirtualClock();
    const { push, due } = queueOf(clock, 10);
    push("a");
    clock.advance(6);
    push("b");
    expect(clock.timerCount).toBe(1);
    clock.advance(4);
    expect(due).toEqual(["a"]);
    clock.advance(5);
    expect(due).toEqual(["a"]);
    clock.advance(1);
    expect(due).toEqual(["a", "b"]);
    expect(clock.timerCount).toBe(0);
  });

  test("LingerQueue without time makes items due after the turn", async () => {
    const { push, due } = queueOf(new VirtualClock(), 0);
    push("a");
    push("b");
    expect(due).toEqual([]);
    await Promise.resolve();
    expect(due).toEqual(["a", "b"]);
  });

  test("LingerQueue.flush() makes everything due at once and only once", () => {
    const clock = new VirtualClock();
    const { push, due, queue } = queueOf(clock, 10);
    push("a");
    queue.flush();
    clock.advance(20);
    expect(due).toEqual(["a"]);
  });

  test("LingerQueue.close() leaves no timer behind", () => {
    const clock = new VirtualClock();
    const { push, due, queue } = queueOf(clock, 10);
    push("a");
    queue.close();
    clock.advance(20);
    expect(due).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });
});

import { describe, expect, test } from "vitest";
import { Backoff, pause } from "./backoff.ts";
import { VirtualClock } from "../fakes/virtual-clock.ts";

const lowest = { integer: () => 0, uuid: () => "" };
const highest = { integer: (bound: number) => bound - 1, uuid: () => "" };

describe("Backoff", () => {
  test("Backoff.nextMs() doubles up to the cap and stays there", () => {
    const backoff = new Backoff(highest, { initialMs: 10, maxMs: 50 });
    expect(Array.from({ length: 6 }, () => backoff.nextMs())).toEqual([10, 20, 40, 50, 50, 50]);
  });

  test("Backoff.nextMs() never falls below half of its range", () => {
    const backoff = new Backoff(lowest, { initialMs: 10, maxMs: 50 });
    expect(Array.from({ length: 4 }, () => backoff.nextMs())).toEqual([5, 10, 20, 25]);
  });

  test("Backoff.nextMs() waits as long as the broker asked for", () => {
    expect(new Backoff(lowest).nextMs(700)).toBe(700);
  });

  test("Backoff.reset() starts with the shortest pause again", () => {
    const backoff = new Backoff(highest, { initialMs: 10, maxMs: 50 });
    backoff.nextMs();
    backoff.nextMs();
    backoff.reset();
    expect(backoff.nextMs()).toBe(10);
  });
});

describe("pause()", () => {
  test("pause() ends when its time has passed", async () => {
    const clock = new VirtualClock();
    let over = false;
    const waiting = pause(clock, 100).then(() => (over = true));
    clock.advance(99);
    await Promise.resolve();
    expect(over).toBe(false);
    clock.advance(1);
    await waiting;
    expect(over).toBe(true);
  });

  test("pause() ends at once when its signal is aborted, and leaves no timer behind", async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const waiting = pause(clock, 100, controller.signal);
    controller.abort();
    await waiting;
    expect(clock.timerCount).toBe(0);
    await pause(clock, 100, controller.signal);
  });
});

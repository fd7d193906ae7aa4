import { expect, test } from "vitest";
import { LoopLag } from "./loop-lag.ts";

const lookMs = 100;

/** A loop whose turns come late as the test says, after a quiet beginning. */
class Loop {
  readonly lag = new LoopLag({ blockMs: 400, windowMs: 4000 });
  #nowMs = 0;

  constructor() {
    this.run(5000);
  }

  run(forMs: number, lateMs: number = 0): boolean {
    for (let ms = 0; ms < forMs; ms += lookMs + lateMs) {
      this.#nowMs += lookMs + lateMs;
      this.lag.turn(this.#nowMs, lateMs);
    }
    return this.lag.isBlocked;
  }
}

test("LoopLag finds a loop that is blocked for half of the time, and lets it pass when it is not", () => {
  const loop = new Loop();
  expect(loop.run(1500, 600)).toBe(false);
  expect(loop.run(2500, 600)).toBe(true);
  expect(loop.run(2000)).toBe(true);
  expect(loop.run(2000)).toBe(false);
});

test("LoopLag forgives one block, however long", () => {
  const loop = new Loop();
  expect(loop.run(100, 30_000)).toBe(false);
  expect(loop.run(4000)).toBe(false);
});

test("LoopLag forgives turns that are all a little late, as on a busy machine", () => {
  expect(new Loop().run(60_000, 300)).toBe(false);
});

test("LoopLag forgives what happens while the process starts", () => {
  const lag = new LoopLag({ blockMs: 400, windowMs: 4000 });
  for (let nowMs = 600; nowMs < 3600; nowMs += 600) expect(lag.turn(nowMs, 500)).toBe(false);
});

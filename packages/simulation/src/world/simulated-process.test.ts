import { expect, test } from "vitest";
import { EventLoop } from "./event-loop.ts";
import { SimulatedProcess } from "./simulated-process.ts";

test("SimulatedProcess.setTimer() lets time pass however little is left to wait", async () => {
  const loop = new EventLoop();
  const process = new SimulatedProcess(loop, "host");
  await loop.runUntil(() => false, 3819.249);
  const startMs = process.monotonicMs();
  const tinyMs = Number.EPSILON;
  expect(loop.nowMs + tinyMs).toBe(loop.nowMs);

  let isOver = false;
  process.setTimer(tinyMs, () => (isOver = true));
  await loop.runUntil(() => isOver, loop.nowMs + 1);

  expect(isOver).toBe(true);
  expect(process.monotonicMs()).toBeGreaterThan(startMs);
});

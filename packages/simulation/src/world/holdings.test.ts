import { expect, test } from "vitest";
import { EventLoop } from "./event-loop.ts";
import { Holdings } from "./holdings.ts";
import { SimulatedProcess } from "./simulated-process.ts";

test("Holdings.describe() counts what was taken and not given back", () => {
  const holdings = new Holdings();
  const giveBack = holdings.take("file", "a");
  holdings.take("file", "b");
  holdings.take("port", "7700");
  giveBack();
  giveBack();
  expect(holdings.describe()).toBe("1 of kind file (b), 1 of kind port (7700)");
});

test("SimulatedProcess.holdings holds a timer until it ends or is cancelled", async () => {
  const loop = new EventLoop();
  const process = new SimulatedProcess(loop, "host");
  process.setTimer(5, () => undefined);
  process.setTimer(50, () => undefined).cancel();
  expect(process.holdings.describe()).toContain("1 of kind timer");
  await loop.runUntil(() => false, 10);
  expect(process.holdings.describe()).toBeUndefined();
});

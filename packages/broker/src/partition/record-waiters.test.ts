import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { RecordWaiters } from "./record-waiters.ts";

function scene(): { clock: SimulatedClock; waiters: RecordWaiters; told: number[] } {
  const clock = new SimulatedClock();
  return { clock, waiters: new RecordWaiters(clock), told: [] };
}

test("RecordWaiters.advance() tells who waits for less, RecordWaiters.wakeAll() everybody", async () => {
  const { clock, waiters, told } = scene();
  waiters.add(4, () => told.push(4));
  waiters.add(10, () => told.push(10));
  waiters.advance(5);
  await clock.run(1);
  expect(told).toEqual([4]);
  waiters.wakeAll();
  await clock.run(1);
  expect(told).toEqual([4, 10]);
});

test("RecordWaiters.wakeAll() says nothing to who comes later", async () => {
  const { clock, waiters, told } = scene();
  waiters.wakeAll();
  waiters.add(10, () => told.push(10));
  waiters.advance(5);
  await clock.run(1);
  expect(told).toEqual([]);
  expect(waiters.size).toBe(1);
});

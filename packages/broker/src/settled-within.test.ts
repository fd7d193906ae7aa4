import { RopewalkError } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { SimulatedClock } from "../fakes/simulated-clock.ts";
import { settledWithin } from "./settled-within.ts";

const late = (): RopewalkError => new RopewalkError("REQUEST_TIMED_OUT", "it took too long");

test("settledWithin() rejects when its time is up, and not a moment before", async () => {
  const clock = new SimulatedClock();
  const work = Promise.withResolvers<number>();
  const outcomes: unknown[] = [];
  const waiting = settledWithin(clock, 300, work.promise, late);
  waiting.catch((error: unknown) => outcomes.push(error));
  await clock.run(299);
  expect(outcomes).toEqual([]);
  await clock.run(1);
  expect(outcomes).toMatchObject([{ code: "REQUEST_TIMED_OUT" }]);
  // Nobody waits for what comes of it now, and nobody is troubled by it.
  work.reject(new Error("later"));
  await clock.run(1);
});

test("settledWithin() answers as the work does that ends in time, and leaves no timer", async () => {
  const clock = new SimulatedClock();
  expect(await settledWithin(clock, 300, Promise.resolve(7), late)).toBe(7);
  const failing = Promise.reject(new Error("no"));
  await expect(settledWithin(clock, 300, failing, late)).rejects.toThrow("no");
  expect(clock.timerCount).toBe(0);
});

test("settledWithin() waits for as long as it takes where no time is given", async () => {
  const clock = new SimulatedClock();
  const work = Promise.withResolvers<number>();
  const waiting = settledWithin(clock, undefined, work.promise, late);
  await clock.run(1_000_000);
  work.resolve(1);
  expect(await waiting).toBe(1);
});

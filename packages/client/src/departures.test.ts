import { expect, test } from "vitest";
import { VirtualClock } from "../fakes/virtual-clock.ts";
import { Departures } from "./departures.ts";

/** A producer that sends what waits at once, and is busy until `answer`. */
function start() {
  const clock = new VirtualClock();
  const world = { isBusy: false, waiting: 0, departedAtMs: [] as number[] };
  const departures = new Departures(clock, {
    isIdle: () => !world.isBusy,
    hasWaiting: () => world.waiting > 0,
    depart: () => {
      world.departedAtMs.push(clock.monotonicMs());
      world.isBusy = world.waiting > 0;
      world.waiting = 0;
    },
  });
  const write = (): void => {
    if (++world.waiting === 1) departures.opened();
  };
  const answer = (): void => {
    world.isBusy = false;
    departures.idle();
  };
  return { clock, departures, world, write, answer };
}

test("Departures let a record leave at the end of its turn where nothing is under way", async () => {
  const { world, write } = start();
  write();
  write();
  expect(world.departedAtMs).toEqual([]);
  await Promise.resolve();
  expect(world.departedAtMs).toEqual([0]);
});

test("Departures let records that came meanwhile leave with the answer, a pace after the last departure", async () => {
  const { clock, world, write, answer } = start();
  write();
  await Promise.resolve();
  clock.advance(1);
  write();
  await Promise.resolve();
  answer();
  expect(world.departedAtMs).toEqual([0]);
  write(); // Nothing is under way, but a departure is set.
  await Promise.resolve();
  expect(world.departedAtMs).toEqual([0]);
  clock.advance(1);
  expect(world.departedAtMs).toEqual([0, 2]);
  write();
  clock.advance(7);
  answer();
  expect(world.departedAtMs).toEqual([0, 2, 9]);
});

test("Departures keep nobody waiting who sends one record after the other", async () => {
  const { clock, world, write, answer } = start();
  for (let record = 0; record < 3; record++) {
    write();
    await Promise.resolve();
    clock.advance(1);
    answer();
  }
  expect(world.departedAtMs).toEqual([0, 1, 2]);
});

test("Departures end with `close`", async () => {
  const { clock, departures, world, write, answer } = start();
  write();
  await Promise.resolve();
  write();
  answer();
  departures.close();
  clock.advance(10);
  expect(world.departedAtMs).toEqual([0]);
  expect(clock.timerCount).toBe(0);
});

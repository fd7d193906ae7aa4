import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { LossRepair } from "./loss-repair.ts";

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => logger,
};

/** Brokers 1 to 3 at a controller that calls a broker lost after a minute. */
function repairOf(delayMs = 60_000) {
  const clock = new SimulatedClock();
  const silent = new Set<number>();
  const state = { isLeading: true, delayMs };
  const moved: number[][] = [];
  const repair = new LossRepair({
    clock,
    logger,
    delayMs: () => state.delayMs,
    isLeading: () => state.isLeading,
    brokerIds: () => [1, 2, 3],
    isAlive: (id) => !silent.has(id),
    moveAway: (ids) => {
      moved.push([...ids]);
      return Promise.resolve(1);
    },
  });
  return { clock, moved, repair, silent, state };
}

test("LossRepair moves what a broker held that was silent for long enough", async () => {
  const { clock, moved, silent } = repairOf();
  silent.add(2);
  await clock.run(60_000);
  expect(moved).toEqual([]);
  await clock.run(10_000);
  expect(moved[0]).toEqual([2]);
});

test("LossRepair does nothing where a broker comes back in time", async () => {
  const { clock, moved, silent } = repairOf();
  silent.add(2);
  await clock.run(50_000);
  silent.delete(2);
  await clock.run(10_000);
  silent.add(2);
  await clock.run(50_000);
  expect(moved).toEqual([]);
});

test("LossRepair counts anew at a new controller", async () => {
  const { clock, moved, silent, state } = repairOf();
  silent.add(2);
  await clock.run(50_000);
  state.isLeading = false;
  await clock.run(10_000);
  state.isLeading = true;
  await clock.run(50_000);
  expect(moved).toEqual([]);
  await clock.run(20_000);
  expect(moved[0]).toEqual([2]);
});

test("LossRepair never does where it is not to, nor once it is stopped", async () => {
  const never = repairOf(0);
  never.silent.add(2);
  const stopped = repairOf();
  stopped.silent.add(2);
  stopped.repair.stop();
  for (const { clock, moved } of [never, stopped]) {
    await clock.run(1_000_000);
    expect(moved).toEqual([]);
  }
});

test("LossRepair waits as long as it is told to by then", async () => {
  const { clock, moved, silent, state } = repairOf(0);
  silent.add(2);
  await clock.run(100_000);
  expect(moved).toEqual([]);
  state.delayMs = 20_000;
  await clock.run(10_000);
  expect(moved[0]).toEqual([2]);
});

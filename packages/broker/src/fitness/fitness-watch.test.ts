import type { Logger } from "@ropewalk/runtime";
import type { Candidacy } from "raft-ts/multi";
import { afterEach, expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { FitnessWatch } from "./fitness-watch.ts";

const logger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => logger,
};

let stop = (): void => {};
afterEach(() => stop());

function watch(): { clock: SimulatedClock; changes: Candidacy[]; write: (at?: number) => void } {
  const clock = new SimulatedClock();
  const changes: Candidacy[] = [];
  let writingSinceMs: number | undefined;
  const fitness = new FitnessWatch({
    clock,
    logger,
    writingSinceMs: () => writingSinceMs,
    diskStallMs: 3000,
    candidacyChanged: (candidacy) => changes.push(candidacy),
  });
  stop = () => fitness.stop();
  return { clock, changes, write: (at) => (writingSinceMs = at) };
}

test("FitnessWatch bars a broker whose disk stands still within 5 s, until writes flow again", async () => {
  const { clock, changes, write } = watch();
  await clock.run(1000);
  write(clock.monotonicMs());
  await clock.run(2900);
  expect(changes).toEqual([]);
  await clock.run(600);
  expect(changes).toEqual(["barred"]);
  await clock.run(60_000);
  write(undefined);
  await clock.run(5000);
  expect(changes).toEqual(["barred"]);
  await clock.run(1500);
  expect(changes).toEqual(["barred", "willing"]);
});

test("FitnessWatch makes a broker reluctant whose loop is blocked again and again", async () => {
  const { clock, changes } = watch();
  await clock.run(5000);
  for (let block = 0; block < 5; block++) {
    clock.stall(700);
    await clock.run(200);
  }
  expect(changes).toEqual(["reluctant"]);
  await clock.run(5000);
  expect(changes).toEqual(["reluctant", "willing"]);
});

test("FitnessWatch does not take a process that was stopped for one whose disk stands still", async () => {
  const { clock, changes, write } = watch();
  write(clock.monotonicMs());
  await clock.run(200);
  clock.stall(30_000);
  await clock.run(200);
  write(undefined);
  await clock.run(10_000);
  expect(changes).toEqual([]);
});

test("FitnessWatch.stop() ends it, also between waking up and looking", async () => {
  const { clock, changes, write } = watch();
  write(clock.monotonicMs());
  clock.setTimer(100, stop); // Behind its own timer, before what that defers.
  await clock.run(60_000);
  expect(changes).toEqual([]);
});

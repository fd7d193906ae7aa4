import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { type RetainedPartition, RetentionChecker } from "./retention-checker.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });

function startChecker(cutExpired: RetainedPartition["cutExpired"], intervalMs = () => 100) {
  const clock = new SimulatedClock();
  const partitions = () => [{ name: "orders-0", cutExpired }];
  return { clock, checker: new RetentionChecker({ clock, logger, intervalMs, partitions }) };
}

test("RetentionChecker looks at every interval until it is stopped, also after a failure", async () => {
  const times: number[] = [];
  const { clock, checker } = startChecker(async (nowMs) => {
    times.push(nowMs);
    if (times.length === 1) throw new Error("there is no majority");
    return 5;
  });
  await clock.run(350);
  expect(times).toEqual([1100, 1200, 1300]);
  checker.stop();
  await clock.run(500);
  expect(times.length).toBe(3);
});

test("RetentionChecker begins no round while one is under way", async () => {
  const cuts: PromiseWithResolvers<undefined>[] = [];
  const { clock } = startChecker(() => {
    const cut = Promise.withResolvers<undefined>();
    cuts.push(cut);
    return cut.promise;
  });
  await clock.run(1000);
  expect(cuts.length).toBe(1);
  cuts[0]?.resolve(undefined);
  await clock.run(100);
  expect(cuts.length).toBe(2);
});

test("RetentionChecker.intervalChanged() ends a long pause early, and begins no second round", async () => {
  const times: number[] = [];
  let everyMs = 10_000;
  const { clock, checker } = startChecker(
    async (nowMs) => {
      times.push(nowMs);
      return undefined;
    },
    () => everyMs,
  );
  await clock.run(500);
  everyMs = 100;
  checker.intervalChanged();
  await clock.run(250);
  expect(times).toEqual([1600, 1700]);
  checker.stop();
});

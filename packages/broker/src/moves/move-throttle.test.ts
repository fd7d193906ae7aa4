import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { MoveThrottle } from "./move-throttle.ts";

function throttleOf(rate: { bytesPerSecond: number }) {
  const clock = new SimulatedClock();
  const freed: number[] = [];
  const throttle = new MoveThrottle({
    clock,
    bytesPerSecond: () => rate.bytesPerSecond,
    freed: () => freed.push(clock.monotonicMs()),
  });
  return { clock, freed, throttle };
}

test("MoveThrottle admits everything where there is no bound", () => {
  const { throttle } = throttleOf({ bytesPerSecond: 0 });
  for (let each = 0; each < 3; each++) expect(throttle.admit(1e9)).toBe(true);
});

test("MoveThrottle admits so many bytes a second, and says when there may be more", async () => {
  const { clock, freed, throttle } = throttleOf({ bytesPerSecond: 1000 });
  const startMs = clock.monotonicMs();
  expect(throttle.admit(500)).toBe(true);
  expect(throttle.admit(1)).toBe(false);
  expect(throttle.admit(1)).toBe(false);
  await clock.run(499);
  expect(freed).toEqual([]);
  await clock.run(1);
  expect(freed).toEqual([startMs + 500]);
  expect(throttle.admit(1)).toBe(true);
});

test("MoveThrottle lets those that wait pass one after the other", async () => {
  const { clock, throttle } = throttleOf({ bytesPerSecond: 1000 });
  const startMs = clock.monotonicMs();
  const doneMs: number[] = [];
  for (let each = 0; each < 3; each++) {
    void throttle.admitted(100).then(() => doneMs.push(clock.monotonicMs() - startMs));
  }
  await clock.run(1000);
  expect(doneMs).toEqual([0, 100, 200]);
});

test("MoveThrottle lets those that wait ask at once where the rate is another one", async () => {
  const rate = { bytesPerSecond: 1000 };
  const { clock, freed, throttle } = throttleOf(rate);
  const startMs = clock.monotonicMs();
  const doneMs: number[] = [];
  expect(throttle.admit(1_000_000)).toBe(true);
  void throttle.admitted(100).then(() => doneMs.push(clock.monotonicMs() - startMs));
  await clock.run(10);
  expect(doneMs).toEqual([]);
  rate.bytesPerSecond = 0;
  throttle.rateChanged();
  await clock.run(0);
  expect(doneMs).toEqual([10]);
  expect(freed).toEqual([startMs + 10]);
  await clock.run(1_000_000);
  expect(freed).toHaveLength(1);
});

test("MoveThrottle counts nothing for those that waited for what is not wanted any more", async () => {
  const { clock, throttle } = throttleOf({ bytesPerSecond: 1000 });
  const startMs = clock.monotonicMs();
  const doneMs: number[] = [];
  const done = (): number => doneMs.push(clock.monotonicMs() - startMs);
  let isWanted = true;
  expect(throttle.admit(100)).toBe(true);
  void throttle.admitted(1_000_000, () => isWanted).then(done);
  void throttle.admitted(100).then(done);
  isWanted = false;
  await clock.run(1000);
  expect(doneMs).toEqual([100, 100]);
});

test("MoveThrottle.stop() keeps nobody waiting, and sets no timer afterwards", async () => {
  const { clock, freed, throttle } = throttleOf({ bytesPerSecond: 1 });
  expect(throttle.admit(1_000_000)).toBe(true);
  const waiting = Promise.all([throttle.admitted(1), throttle.admitted(1)]);
  throttle.stop();
  await waiting;
  expect(throttle.admit(1)).toBe(false);
  await throttle.admitted(1);
  await clock.run(10_000_000);
  expect(freed).toEqual([]);
});

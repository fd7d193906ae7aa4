import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { untilShown } from "./own-image-wait.ts";

const controller = { isStopped: false };

test("untilShown() ends when the change is shown", async () => {
  const clock = new SimulatedClock();
  const shownAtMs = clock.monotonicMs() + 42;
  let endedAtMs = 0;
  const isShown = (): boolean => clock.monotonicMs() >= shownAtMs;
  void untilShown({ clock, controller }, undefined, isShown).then(
    () => (endedAtMs = clock.monotonicMs()),
  );
  await clock.run(1000);
  expect(endedAtMs).toBe(shownAtMs + 3);
});

test.each([
  [undefined, 3000],
  [100_000, 3000],
  [1000, 500],
])(
  "untilShown() of a client that waits %s ms gives up after %i ms",
  async (timeoutMs, patienceMs) => {
    const clock = new SimulatedClock();
    const startMs = clock.monotonicMs();
    let endedAtMs = 0;
    void untilShown({ clock, controller }, timeoutMs, () => false).then(
      () => (endedAtMs = clock.monotonicMs()),
    );
    await clock.run(5000);
    expect(endedAtMs - startMs).toBe(patienceMs);
  },
);

test("untilShown() ends when the broker stops", async () => {
  const clock = new SimulatedClock();
  const stopping = { isStopped: false };
  let isOver = false;
  void untilShown({ clock, controller: stopping }, undefined, () => false).then(
    () => (isOver = true),
  );
  await clock.run(100);
  expect(isOver).toBe(false);
  stopping.isStopped = true;
  await clock.run(10);
  expect(isOver).toBe(true);
});

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { NodeClock } from "./node-clock.ts";

const clock = new NodeClock();

test("NodeClock.setTimer() never fires early by the monotonic clock", async () => {
  const delaysMs = Array.from({ length: 200 }, (_, i) => i / 10);
  const earlyMs = await Promise.all(
    delaysMs.map(async (delayMs) => {
      const startMs = clock.monotonicMs();
      await new Promise<void>((resolve) => clock.setTimer(delayMs, resolve));
      return startMs + delayMs - clock.monotonicMs();
    }),
  );
  expect(Math.max(...earlyMs)).toBeLessThanOrEqual(0);
});

test("NodeClock.setTimer() does not fire a delay beyond Node's limit at once", async () => {
  let fired = false;
  const timer = clock.setTimer(2 ** 31 + 1_000, () => {
    fired = true;
  });
  await new Promise<void>((resolve) => clock.setTimer(20, resolve));
  expect(fired).toBe(false);
  timer.cancel();
});

test("NodeClock.setTimer() does not run a cancelled callback", async () => {
  let fired = false;
  const timer = clock.setTimer(1, () => {
    fired = true;
  });
  timer.cancel();
  await new Promise<void>((resolve) => clock.setTimer(10, resolve));
  timer.cancel();
  expect(fired).toBe(false);
});

test("NodeClock.setTimer() refuses a delay that is no number", () => {
  expect(() => clock.setTimer(Number.NaN, () => {})).toThrow(/finite number, not NaN/);
});

test("NodeClock.setTimer() keeps the process alive", async () => {
  const source = new URL("./node-clock.ts", import.meta.url).href;
  const script = `import { NodeClock } from ${JSON.stringify(source)};
    new NodeClock().setTimer(50, () => console.log("fired"));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--conditions=source",
    "--input-type=module",
    "--eval",
    script,
  ]);
  expect(stdout).toBe("fired\n");
});

test("NodeClock.defer() runs the callback in a later turn, after promise jobs", async () => {
  const order: string[] = [];
  const deferred = new Promise<void>((resolve) => {
    clock.defer(() => {
      order.push("deferred");
      resolve();
    });
  });
  void Promise.resolve().then(() => order.push("promise job"));
  order.push("caller");
  await deferred;
  expect(order).toEqual(["caller", "promise job", "deferred"]);
});

test("NodeClock.wallMs() tells the time of day", () => {
  expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(1_000);
});

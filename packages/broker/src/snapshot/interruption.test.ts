import { describe, expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { Interruption } from "./interruption.ts";

describe("Interruption", () => {
  test("passes on what comes of work as long as nobody interrupts", async () => {
    const interruption = new Interruption();
    await expect(interruption.guard(Promise.resolve(7))).resolves.toBe(7);
    await expect(interruption.guard(Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  });

  test("ends everything that is waited for, and all that comes later", async () => {
    const interruption = new Interruption();
    const clock = new SimulatedClock();
    const waiting = [
      interruption.guard(new Promise<void>(() => undefined)),
      interruption.pause(clock, 1000),
    ];
    interruption.interrupt();
    for (const each of waiting) await expect(each).rejects.toThrow("stopping");
    await expect(interruption.guard(Promise.resolve(7))).rejects.toThrow("stopping");
    expect(interruption.isOver).toBe(true);
  });
});

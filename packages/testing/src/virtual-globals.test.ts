import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { connect } from "node:net";
import {
  scheduler,
  setImmediate as turn,
  setInterval as every,
  setTimeout as delay,
} from "node:timers/promises";
import { promisify } from "node:util";
import { World } from "@ropewalk/simulation";
import { describe, expect, test } from "vitest";
import { TestingError } from "./testing-error.ts";
import { runWithin, TestProcess } from "./virtual-context.ts";
import { useVirtualGlobals } from "./virtual-globals.ts";

const swift = {
  link: { latencyMsMin: 1, latencyMsMax: 2, lossProbability: 0, resendMs: 1, bytesPerMs: 1000 },
  disk: { writeMs: 1, syncMs: 1, readMs: 1, bytesPerMs: 1000 },
};

/** Runs a function in a world of its own, and answers what it says and how much time it took there. */
async function virtually<T>(run: () => Promise<T>): Promise<{ result: T; tookMs: number }> {
  const world = new World({ seed: "globals", ...swift });
  const process = new TestProcess(world, "test", world.random.fork("test"));
  const release = useVirtualGlobals();
  try {
    const state: { outcome?: PromiseSettledResult<T> } = {};
    void runWithin(process.context, () => Promise.allSettled([run()])).then(
      ([outcome]) => (state.outcome = outcome),
    );
    await world.loop.runUntil(() => state.outcome !== undefined, 3_600_000);
    if (state.outcome?.status !== "fulfilled") throw state.outcome?.reason ?? new Error("too late");
    return { result: state.outcome.value, tookMs: world.loop.nowMs };
  } finally {
    release();
  }
}

describe("useVirtualGlobals()", () => {
  test("useVirtualGlobals() moves timers with the world's time", async () => {
    const { result, tookMs } = await virtually(async () => {
      const ticks: number[] = [];
      const began = Date.now();
      const ticking = setInterval(() => ticks.push(Date.now() - began), 1000);
      const never = setTimeout(() => ticks.push(-1), 1500);
      clearTimeout(never);
      await new Promise((resolve) => setTimeout(resolve, 3500));
      clearInterval(ticking);
      await delay(60_000);
      return ticks;
    });
    expect(result).toEqual([1000, 2000, 3000]);
    expect(tookMs).toBe(63_500);
  });

  test("useVirtualGlobals() moves what Node makes of timers, under every name", async () => {
    const { result, tookMs } = await virtually(async () => {
      const said: unknown[] = [await delay(100, "delay"), await promisify(setTimeout)(100)];
      await scheduler.wait(100);
      for await (const each of every(100, "every")) {
        said.push(each);
        if (said.length === 4) break;
      }
      await once(AbortSignal.timeout(100), "abort");
      await new Promise((resolve) => setImmediate(resolve));
      said.push(await turn("turn"));
      return said;
    });
    expect(result).toEqual(["delay", undefined, "every", "every", "turn"]);
    expect(tookMs).toBeCloseTo(601, 0);
  });

  test("useVirtualGlobals() aborts a delay that a signal ends", async () => {
    const { result, tookMs } = await virtually(async () => {
      const signal = AbortSignal.timeout(50);
      const ended = await delay(1000, "late", { signal }).catch((error: unknown) => error);
      return { ended, again: await delay(1, "", { signal }).catch((error: unknown) => error) };
    });
    expect(result.ended).toMatchObject({ name: "AbortError", code: "ABORT_ERR" });
    expect(result.again).toMatchObject({ name: "AbortError" });
    expect(tookMs).toBe(50);
  });

  test("useVirtualGlobals() tells the world's time and draws from its seed", async () => {
    const draw = async (): Promise<readonly unknown[]> => {
      const began = performance.now();
      await delay(250);
      const now = new Date();
      return [
        performance.now() - began,
        now.toISOString(),
        now instanceof Date,
        new Date(0).getTime(),
        Math.random(),
        crypto.randomUUID(),
      ];
    };
    const first = await virtually(draw);
    expect(first.result.slice(0, 4)).toEqual([250, "2026-01-01T00:00:00.250Z", true, 0]);
    expect(await virtually(draw)).toEqual(first);
  });

  test("useVirtualGlobals() lets nobody leave the world", async () => {
    const codeOf = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return error instanceof TestingError ? error.code : error;
      }
    };
    const { result } = await virtually(() =>
      Promise.resolve([
        codeOf(() => fetch("http://127.0.0.1:1")),
        codeOf(() => connect(1, "127.0.0.1")),
        codeOf(() => get("http://127.0.0.1:1")),
        codeOf(() => spawn("true")),
      ]),
    );
    expect(new Set(result)).toEqual(new Set(["NOT_SIMULATED"]));
  });

  test("useVirtualGlobals() leaves the test around it, and what comes after, as they were", async () => {
    const real = { setTimeout, Date, random: Math.random };
    const before = Date.now();
    await virtually(async () => delay(3_000_000));
    expect({ setTimeout, Date, random: Math.random }).toEqual(real);
    expect(Date.now() - before).toBeLessThan(3_000_000);
    await delay(1);
  });
});

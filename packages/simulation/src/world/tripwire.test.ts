import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { Tripwire } from "./tripwire.ts";

const here = /tripwire\.test\.ts/;

/** What is reported while `act` runs. */
function reportsOf(act: () => void, place: RegExp = here): string[] {
  const reports: string[] = [];
  const tripwire = new Tripwire((what) => void reports.push(what.replace(/ at .*/, "")), place);
  try {
    act();
  } catch {
    // It is told, too.
  } finally {
    tripwire.remove();
  }
  return reports;
}

describe("Tripwire", () => {
  test("reports time, randomness, timers, files and sockets of the real world", () => {
    expect(reportsOf(() => Date.now())).toEqual(["Date.now"]);
    expect(reportsOf(() => new Date())).toEqual(["new Date()"]);
    expect(reportsOf(() => performance.now())).toEqual(["performance.now"]);
    expect(reportsOf(() => process.hrtime())).toEqual(["process.hrtime"]);
    expect(reportsOf(() => Math.random())).toEqual(["Math.random"]);
    expect(reportsOf(() => randomBytes(1))).toEqual(["crypto.randomBytes"]);
    expect(reportsOf(() => setTimeout(() => undefined, 0))).toEqual(["globalThis.setTimeout"]);
    expect(reportsOf(() => existsSync("/"))).toEqual(["fs.existsSync"]);
    expect(reportsOf(() => connect(1))).toEqual(["net.connect"]);
  });

  test("throws where it reports, and is gone afterwards", () => {
    const before = Date;
    const tripwire = new Tripwire(() => undefined, here);
    expect(() => Date.now()).toThrow("Date.now was called in a simulation");
    tripwire.remove();
    expect(Date).toBe(before);
    expect(Date.now()).toBeGreaterThan(0);
    expect(new Date(0).getTime()).toBe(0);
  });

  test("lets others go on, and dates of a given time be", () => {
    expect(reportsOf(() => Date.now(), /nowhere/)).toEqual([]);
    expect(reportsOf(() => new Date(0).toISOString())).toEqual([]);
  });
});

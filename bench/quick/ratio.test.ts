import { expect, test } from "vitest";
import type { ResultRow } from "../results/result-file.ts";
import { comparisonOf, verdictOf } from "./baseline.ts";
import { type Ratio, ratiosOf } from "./ratio.ts";

function rowOf(figures: ResultRow["figures"]): ResultRow {
  return { workload: "quick", system: "any", label: "any", settings: {}, figures, latencies: {} };
}

const produced = rowOf({ megabytesPerSecond: 200, brokersCpuSecondsPerGigabyte: 6 });
const rows = {
  produced: { produce: produced },
  sent: { send: rowOf({ recordsPerSecond: 600 }) },
  fetched: {},
  paced: {},
};

test("ratiosOf() measures bytes, records and processor time against the roofline's", () => {
  const roofline = {
    produce: rowOf({ megabytesPerSecond: 400, brokersCpuSecondsPerGigabyte: 4 }),
    fetch: rowOf({ megabytesPerSecond: 1000 }),
    rpc: rowOf({ recordsPerSecond: 60 }),
  };
  const values = ratiosOf(rows, roofline).map(({ name, value }) => [name, value]);
  expect(values).toEqual([
    ["produce", 50],
    ["produce, brokers' processor time", 150],
    ["send", 1000],
  ]);
});

test("ratiosOf() leaves out what needs a roofline where there is none", () => {
  expect(ratiosOf(rows, undefined)).toEqual([]);
});

test("verdictOf() speaks up only beyond what runs scatter", () => {
  const ratio = (value: number, isBetter: Ratio["isBetter"]): Ratio => {
    return { name: "a", value, unit: "%", isBetter };
  };
  expect(verdictOf(ratio(110, "higher"), ratio(100, "higher"))).toBe("");
  expect(verdictOf(ratio(80, "higher"), ratio(100, "higher"))).toBe("WORSE (−20 %)");
  expect(verdictOf(ratio(80, "lower"), ratio(100, "lower"))).toBe("better (−20 %)");
  expect(verdictOf(ratio(80, "lower"), undefined)).toBe("");
});

test("comparisonOf() shows what has no counterpart", () => {
  const ratio: Ratio = { name: "produce", value: 50, unit: "%", isBetter: "higher" };
  expect(comparisonOf([ratio], undefined)).toMatch(/no baseline yet\nproduce +50 % +–$/);
});

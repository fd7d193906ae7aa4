import { expect, test } from "vitest";
import { LatencyCounts } from "./latency-counts.ts";

test("LatencyCounts.percentileMs() counts records, not calls", () => {
  const latencies = new LatencyCounts();
  latencies.add(1, 98);
  latencies.add(7.26, 1);
  latencies.add(100, 1);
  expect([0.5, 0.98, 0.99, 1].map((share) => latencies.percentileMs(share))).toEqual([
    1, 1, 7.3, 100,
  ]);
  expect(latencies.meanMs).toBeCloseTo((98 + 7.26 + 100) / 100);
  expect(latencies.maxMs).toBe(100);
});

test("LatencyCounts of nothing are zeros", () => {
  const { maxMs, meanMs } = new LatencyCounts();
  expect([maxMs, meanMs, new LatencyCounts().percentileMs(0.99)]).toEqual([0, 0, 0]);
});

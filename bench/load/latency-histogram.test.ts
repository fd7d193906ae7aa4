import { createHistogram } from "node:perf_hooks";
import { expect, test } from "vitest";
import { LatencyHistogram } from "./latency-histogram.ts";

const percentiles = [0, 10, 50, 90, 99, 99.9, 100];

test("LatencyHistogram.percentileMs() agrees with Node's histogram to three digits", () => {
  const mine = new LatencyHistogram();
  const nodes = createHistogram();
  for (let i = 1; i <= 20_000; i++) {
    const us = Math.ceil(1.0009 ** i);
    if (us > 3_000_000_000) break;
    mine.record(us);
    nodes.record(us);
  }
  for (const percentile of percentiles.slice(1)) {
    const expected = nodes.percentile(percentile) / 1000;
    expect(Math.abs(mine.percentileMs(percentile) / expected - 1), `p${percentile}`).toBeLessThan(
      0.002,
    );
  }
});

test("LatencyHistogram.of() adds up what several processes counted", () => {
  const parts = [new LatencyHistogram(), new LatencyHistogram()] as const;
  const whole = new LatencyHistogram();
  for (let us = 1; us < 1_000_000; us = Math.ceil(us * 1.01)) {
    parts[us % 2 === 0 ? 0 : 1].record(us, 3);
    whole.record(us, 3);
  }
  const merged = LatencyHistogram.of(parts[0].counts(), parts[1].counts());
  expect(merged.count).toBe(whole.count);
  for (const each of percentiles) expect(merged.percentileMs(each)).toBe(whole.percentileMs(each));
});

test("LatencyHistogram.record() takes what lies outside of its range as the range's end", () => {
  const histogram = new LatencyHistogram();
  histogram.record(-5);
  histogram.record(1e12);
  expect(histogram.percentileMs(50)).toBe(0);
  expect(histogram.percentileMs(100)).toBeGreaterThan(3_500_000);
});

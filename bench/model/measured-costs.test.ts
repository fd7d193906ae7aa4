import { expect, test } from "vitest";
import {
  checkCosts,
  coresFor,
  type CostPoint,
  fitCosts,
  type ProduceCosts,
} from "./measured-costs.ts";

const truth: ProduceCosts = {
  secondsPerRecord: 0.4e-6,
  secondsPerBatch: 120e-6,
  secondsPerMegabyte: 4e-3,
};

function pointOf(
  recordBytes: number,
  recordsPerBatch: number,
  megabytesPerSecond: number,
): CostPoint {
  const recordsPerSecond = (megabytesPerSecond * 1e6) / recordBytes;
  const batchesPerSecond = recordsPerSecond / recordsPerBatch;
  const work = { recordsPerSecond, batchesPerSecond, megabytesPerSecond };
  return { label: `${recordBytes} B`, ...work, cores: coresFor(truth, work) };
}

const points = [
  pointOf(100, 2000, 150),
  pointOf(1024, 200, 200),
  pointOf(102_400, 2, 210),
  pointOf(100, 1, 2),
  pointOf(1024, 1, 15),
];

test("fitCosts() finds the costs that points were made from", () => {
  const found = fitCosts(points);
  expect(found.secondsPerRecord).toBeCloseTo(truth.secondsPerRecord, 9);
  expect(found.secondsPerBatch).toBeCloseTo(truth.secondsPerBatch, 9);
  expect(found.secondsPerMegabyte).toBeCloseTo(truth.secondsPerMegabyte, 9);
});

test("fitCosts() charges nothing negative where points contradict each other", () => {
  const [first, ...others] = points;
  const odd = { ...(first ?? points[0]!), cores: 0.01 };
  const costs = fitCosts([odd, ...others]);
  const { secondsPerBatch, secondsPerMegabyte, secondsPerRecord } = costs;
  const least = Math.min(secondsPerBatch, secondsPerMegabyte, secondsPerRecord);
  expect(least).toBeGreaterThanOrEqual(0);
});

test("checkCosts() predicts a point from the others only", () => {
  for (const { error } of checkCosts(points)) expect(Math.abs(error)).toBeLessThan(1e-6);
  const wrong = points.map((point, i) => (i === 1 ? { ...point, cores: point.cores * 2 } : point));
  expect(checkCosts(wrong)[1]?.error).toBeCloseTo(-0.5, 1);
});

test("fitCosts() refuses to guess", () => {
  expect(() => fitCosts(points.slice(0, 2))).toThrow("at least three");
});

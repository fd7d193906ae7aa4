import { expect, test } from "vitest";
import { isRising, linearFit } from "./linear-fit.ts";

test("linearFit() finds a line again, and is sure of it where points lie on it", () => {
  const fit = linearFit([1, 2, 5, 9].map((x) => ({ x, y: 3 * x - 4 })));
  expect(fit.slope).toBeCloseTo(3);
  expect(fit.intercept).toBeCloseTo(-4);
  expect(fit.standardError).toBeCloseTo(0);
  expect(isRising(fit)).toBe(true);
});

test("linearFit() knows the error of a slope", () => {
  // By hand: the mean of x is 2.5, its squares 5; the slope 0.4, the residuals 0.1, -0.3, 0.3 and -0.1 times two.
  const points = [1, 3, 1, 3].map((y, i) => ({ x: i + 1, y }));
  const fit = linearFit(points);
  expect(fit.slope).toBeCloseTo(0.4);
  expect(fit.standardError).toBeCloseTo(Math.sqrt(3.2 / 2 / 5));
  expect(isRising(fit)).toBe(false);
});

test("linearFit() refuses what makes no line", () => {
  expect(() => linearFit([{ x: 1, y: 1 }])).toThrow(RangeError);
  expect(() => linearFit([1, 2, 3].map((y) => ({ x: 1, y })))).toThrow(/one x/);
});

import { expect, test } from "vitest";
import { measurePageCacheCost } from "./page-cache-cost.ts";

test("measurePageCacheCost() tells what new and used pages cost", () => {
  const cost = measurePageCacheCost();
  expect(cost.newSecondsPerGigabyte).toBeGreaterThan(0);
  expect(cost.usedSecondsPerGigabyte).toBeGreaterThan(0);
});

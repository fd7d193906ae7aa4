import { expect, test } from "vitest";
import { ByteBudget } from "./byte-budget.ts";

test("ByteBudget lets one holder go beyond and makes the next wait until there is room", () => {
  const budget = new ByteBudget(10);
  budget.take(25);
  expect(budget.isFull).toBe(true);
  let resumed = 0;
  budget.whenRoom(() => (resumed += 1));
  budget.release(10);
  expect(resumed).toBe(0);
  budget.release(15);
  expect(resumed).toBe(1);
  expect(budget.bytesHeld).toBe(0);
});

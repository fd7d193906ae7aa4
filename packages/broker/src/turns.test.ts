import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

test("Turns lets as many at a time as there are turns, the others in the order they came", async () => {
  const turns = new Turns(2);
  const order: string[] = [];
  expect([turns.tryTake(), turns.tryTake(), turns.tryTake()]).toEqual([true, true, false]);
  const first = turns.take().then(() => order.push("first"));
  const second = turns.take().then(() => order.push("second"));
  turns.giveBack();
  await first;
  expect(order).toEqual(["first"]);
  // A turn that is given back belongs to who waits.
  expect(turns.tryTake()).toBe(false);
  turns.giveBack();
  await second;
  turns.giveBack();
  turns.giveBack();
  expect([turns.tryTake(), turns.tryTake(), turns.tryTake()]).toEqual([true, true, false]);
});

import { describe, expect, test } from "vitest";
import { BatchLine } from "./batch-line.ts";

const batch = (order: number): { order: number; createdAtMs: number } => ({
  order,
  createdAtMs: 10 * order,
});

function lineOf(count: number): BatchLine<ReturnType<typeof batch>> {
  const line = new BatchLine<ReturnType<typeof batch>>();
  for (let order = 0; order < count; order++) line.push(batch(order));
  return line;
}

function ordersOf(line: BatchLine<ReturnType<typeof batch>>): number[] {
  return line.takeOld(Number.POSITIVE_INFINITY).map(({ order }) => order);
}

describe("BatchLine", () => {
  test("BatchLine.shift() takes batches in order, whatever is pushed in between", () => {
    const line = lineOf(5);
    const taken: (number | undefined)[] = [];
    for (let order = 5; order < 100; order++) {
      taken.push(line.shift()?.order);
      line.push(batch(order));
      expect(line.length).toBe(5);
    }
    expect(taken).toEqual(Array.from({ length: 95 }, (_, order) => order));
    expect(ordersOf(line)).toEqual([95, 96, 97, 98, 99]);
    expect(line.shift()).toBeUndefined();
    expect(line.length).toBe(0);
  });

  test("BatchLine.insert() puts a batch back where it was", () => {
    for (let taken = 0; taken <= 8; taken++) {
      for (let back = 0; back < taken; back++) {
        const line = lineOf(10);
        const gone = Array.from({ length: taken }, () => line.shift());
        const expected = [back, ...Array.from({ length: 10 - taken }, (_, row) => taken + row)];
        const again = gone[back];
        if (again !== undefined) line.insert(again);
        expect(line.first?.order).toBe(back);
        expect(ordersOf(line)).toEqual(expected);
      }
    }
  });

  test("BatchLine.insert() keeps the order of several that come back in any order", () => {
    const line = lineOf(6);
    const gone = [line.shift(), line.shift(), line.shift()];
    for (const row of [1, 2, 0]) {
      const again = gone[row];
      if (again !== undefined) line.insert(again);
    }
    expect(ordersOf(line)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("BatchLine.takeOld() takes what was created at the cutoff or before, and leaves the rest", () => {
    const line = lineOf(6);
    expect(line.takeOld(-1)).toEqual([]);
    expect(line.takeOld(30).map(({ order }) => order)).toEqual([0, 1, 2, 3]);
    expect(line.length).toBe(2);
    expect(ordersOf(line)).toEqual([4, 5]);
  });
});

import { expect, test } from "vitest";
import { NodeRandom } from "./node-random.ts";

const random = new NodeRandom();

test("NodeRandom.integer() reaches every value below the bound, and no other", () => {
  const seen = new Set<number>();
  for (let draw = 0; draw < 2_000; draw += 1) seen.add(random.integer(6));
  expect([...seen].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
});

test("NodeRandom.integer() takes bounds from 1 to 2^32", () => {
  expect(random.integer(1)).toBe(0);
  expect(random.integer(2 ** 32)).toBeLessThan(2 ** 32);
  for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
    expect(() => random.integer(bound)).toThrow(/bound of a random integer/);
  }
});

test("NodeRandom.uuid() makes a new version 4 UUID each time", () => {
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(random.uuid()).toMatch(pattern);
  expect(random.uuid()).not.toBe(random.uuid());
});

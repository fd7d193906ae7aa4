import { describe, expect, test } from "vitest";

import { collectNameValues, flagValue, integerFlag } from "./flag-value.ts";

describe("integerFlag()", () => {
  const read = integerFlag(1, 10);

  test("integerFlag() reads whole numbers within its bounds", () => {
    expect(["1", "10", "007"].map((text) => read(text))).toEqual([1, 10, 7]);
  });

  test.each(["", "0", "11", "-1", "1.5", "1e1", "0x1", " 1", "NaN"])(
    "integerFlag() refuses %j",
    (text) => {
      expect(() => read(text)).toThrow("It must be a whole number from 1 to 10.");
    },
  );
});

test("collectNameValues() gathers values, which may be empty and contain an equals sign", () => {
  const first = collectNameValues("a=1=2", undefined);
  expect(collectNameValues("b=", first)).toEqual([
    { name: "a", value: "1=2" },
    { name: "b", value: "" },
  ]);
  expect(() => collectNameValues("=a", undefined)).toThrow("It must be NAME=VALUE.");
  expect(() => collectNameValues("a", undefined)).toThrow("It must be NAME=VALUE.");
});

test("flagValue() turns a fault into a sentence", () => {
  expect(() => flagValue(() => ({ fault: "no" }))("x")).toThrow("No.");
});

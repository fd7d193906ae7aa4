import { expect, test } from "vitest";

import { formatThrottle, parseReplicas, parseThrottle } from "./replica-flags.ts";

test("parseReplicas() reads ids of brokers, each once", () => {
  expect(parseReplicas("3, 1,2")).toEqual({ value: [3, 1, 2] });
  for (const text of ["", "1,", "1,x", "0", "-1", "1,2,1", "99999999999"]) {
    expect(parseReplicas(text).fault).toBeTypeOf("string");
  }
});

test("parseThrottle() reads megabytes a second", () => {
  expect(parseThrottle("50")).toEqual({ value: 50_000_000 });
  expect(parseThrottle("0.5")).toEqual({ value: 500_000 });
  expect(parseThrottle("0")).toEqual({ value: 0 });
  for (const text of ["", "-1", "5MB", "1e3", "."]) {
    expect(parseThrottle(text).fault).toBeTypeOf("string");
  }
});

test("formatThrottle() says what parseThrottle() reads", () => {
  expect(formatThrottle(500_000)).toBe("0.5 MB/s");
  expect(formatThrottle(0)).toBe("none");
});

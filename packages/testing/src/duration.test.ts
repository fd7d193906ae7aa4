import { describe, expect, test } from "vitest";
import { type Duration, durationMs } from "./duration.ts";

describe("durationMs", () => {
  test.each<[Duration, number]>([
    [250, 250],
    ["250ms", 250],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
  ])("durationMs(%j) is %d", (duration, ms) => {
    expect(durationMs(duration)).toBe(ms);
  });

  test.each(["", "5", "5 m", "m", "-5s", "1e3s", "5w", -1, Number.NaN, Number.POSITIVE_INFINITY])(
    "durationMs(%j) throws INVALID_DURATION",
    (duration) => {
      expect(() => durationMs(duration as Duration)).toThrow(
        expect.objectContaining({ code: "INVALID_DURATION" }),
      );
    },
  );
});

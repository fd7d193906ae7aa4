import { describe, expect, test } from "vitest";

import { parseStartOffset } from "./start-offset.ts";

describe("parseStartOffset()", () => {
  test.each([
    ["earliest", "earliest"],
    ["beginning", "earliest"],
    ["latest", "latest"],
    ["end", "latest"],
    ["0", { offset: 0 }],
    ["9007199254740991", { offset: Number.MAX_SAFE_INTEGER }],
    ["-10", { last: 10 }],
    ["-0", { last: 0 }],
    ["@0", { timestampMs: 0 }],
    ["@1700000000000", { timestampMs: 1_700_000_000_000 }],
    ["@2026-01-02", { timestampMs: Date.UTC(2026, 0, 2) }],
    ["@2026-01-02T03:04Z", { timestampMs: Date.UTC(2026, 0, 2, 3, 4) }],
    ["@2026-01-02T03:04:05.678+01:00", { timestampMs: Date.UTC(2026, 0, 2, 2, 4, 5, 678) }],
    ["@2026-01-02T03:04:05", { timestampMs: new Date(2026, 0, 2, 3, 4, 5).getTime() }],
  ])("parseStartOffset() reads %s", (text, expected) => {
    expect(parseStartOffset(text)).toEqual(expected);
  });

  test.each([
    "",
    "first",
    "1.5",
    "+1",
    "1e3",
    "9007199254740992",
    "--1",
    "@",
    "@-1",
    "@tomorrow",
    "@2026-13-01",
    "@2026-01",
  ])("parseStartOffset() refuses %j", (text) => {
    expect(parseStartOffset(text)).toBeUndefined();
  });
});

import { expect, test } from "vitest";
import { VerifiedLately } from "./verified-lately.ts";

test("VerifiedLately trusts a chunk for a minute after it was verified, and again after it was verified again", () => {
  let nowMs = 1000;
  const verified = new VerifiedLately({ monotonicMs: () => nowMs });
  expect(verified.has("a")).toBe(false);
  verified.add("a");
  nowMs += 59_999;
  expect(verified.has("a")).toBe(true);
  nowMs += 1;
  expect(verified.has("a")).toBe(false);
  verified.add("a");
  expect(verified.has("a")).toBe(true);
});

test("VerifiedLately remembers the chunks of the last 16 GiB", () => {
  const verified = new VerifiedLately({ monotonicMs: () => 0 });
  for (let chunk = 0; chunk < 16_385; chunk++) verified.add(`${chunk}`);
  expect([verified.has("0"), verified.has("1"), verified.has("16384")]).toEqual([
    false,
    true,
    true,
  ]);
});

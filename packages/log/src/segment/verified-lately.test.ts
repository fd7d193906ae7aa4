import { expect, test } from "vitest";
import type { Chunk } from "./segment-chunk.ts";
import { VerifiedLately } from "./verified-lately.ts";

function chunkOf(firstByte: number): Chunk {
  const header = {
    position: 4096,
    entryCount: 1,
    tableCrc: 0,
    dataBytes: 30,
    firstIndex: 1,
    lastIndex: 1,
    baseOffset: 0,
    endOffset: 1,
    maxTimestampMs: -1,
  };
  const data = Buffer.alloc(30, 1);
  data[0] = firstByte;
  return { header, entries: [{ index: 1, term: 1, type: "normal", data }] };
}

test("VerifiedLately trusts a chunk for ten seconds after it was verified, and again after it was verified again", () => {
  let nowMs = 1000;
  const verified = new VerifiedLately({ monotonicMs: () => nowMs });
  expect(verified.has("a")).toBe(false);
  verified.add("a", chunkOf(1));
  nowMs += 9_999;
  expect(verified.has("a")).toBe(true);
  nowMs += 1;
  expect(verified.has("a")).toBe(false);
  verified.add("a", chunkOf(1));
  expect(verified.has("a")).toBe(true);
});

test("VerifiedLately remembers the chunks of the last 16 GiB", () => {
  const verified = new VerifiedLately({ monotonicMs: () => 0 });
  for (let chunk = 0; chunk < 16_385; chunk++) verified.add(`${chunk}`, chunkOf(1));
  expect([verified.has("0"), verified.has("1"), verified.has("16384")]).toEqual([
    false,
    true,
    true,
  ]);
});

test("VerifiedLately knows a chunk again by what its batches' checksums do not cover", () => {
  const verified = new VerifiedLately({ monotonicMs: () => 0 });
  verified.add("a", chunkOf(1));
  expect([verified.isSame("a", chunkOf(1)), verified.isSame("a", chunkOf(2))]).toEqual([
    true,
    false,
  ]);
  verified.delete("a");
  expect([verified.has("a"), verified.isSame("a", chunkOf(1))]).toEqual([false, false]);
});

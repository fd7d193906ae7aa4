import { crc32c } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { entryCrc } from "./entry-crc.ts";
import { sampleBatch } from "../fakes/store-harness.ts";

test("entryCrc() is the checksum of all bytes, of a batch of any length and of what is none", () => {
  for (const bytes of [61, 1023, 1024, 1025, 65_536, 3_000_000]) {
    const data = sampleBatch(77, 3, bytes, bytes & 0xff);
    expect(entryCrc({ type: "normal", data })).toBe(crc32c(data));
    expect(entryCrc({ type: "confChange", data })).toBe(crc32c(data));
    const other = data.subarray(0, -1);
    expect(entryCrc({ type: "normal", data: other })).toBe(crc32c(other));
  }
  expect(entryCrc({ type: "normal", data: new Uint8Array(0) })).toBe(0);
});

test("entryCrc() of a batch that changed after it was validated is not that of its bytes", () => {
  const data = sampleBatch(0, 1, 2000);
  data[1500] = (data[1500] ?? 0) ^ 1;
  expect(entryCrc({ type: "normal", data })).not.toBe(crc32c(data));
});

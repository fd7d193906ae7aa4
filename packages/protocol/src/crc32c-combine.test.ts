import { expect, test } from "vitest";
import { crc32c } from "./crc32c.ts";
import { crc32cCombine } from "./crc32c-combine.ts";

test("crc32cCombine() gives the checksum of both pieces together, wherever they meet", () => {
  const lengths = [0, 1, 2, 21, 255, 256, 257, 4096, 65_535, 65_536, 1_000_003, 17_000_000];
  for (const secondBytes of lengths) {
    for (const firstBytes of [0, 1, 21, 1000]) {
      const whole = Buffer.alloc(firstBytes + secondBytes);
      for (let at = 0; at < whole.length; at += 7) whole[at] = (at * 31 + secondBytes) & 0xff;
      const first = crc32c(whole, 0, firstBytes);
      const second = crc32c(whole, firstBytes, whole.length);
      expect(crc32cCombine(first, second, secondBytes)).toBe(crc32c(whole));
    }
  }
});

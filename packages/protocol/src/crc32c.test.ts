import { expect, test } from "vitest";

import { crc32c, crc32cInJavaScript } from "./crc32c.ts";

test("crc32c() gives the check value of the polynomial", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test("crc32c() gives the values of RFC 3720, appendix B.4", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(ascending)).toBe(0x46dd794e);
  expect(crc32c(ascending.toReversed())).toBe(0x113fdb5c);
});

test("crc32c() is the same natively, in JavaScript, and in pieces", () => {
  const bytes = Uint8Array.from({ length: 4096 }, (_, at) => (at * 131 + (at >> 5)) & 0xff);
  for (const end of [0, 1, 7, 8, 9, 199, 200, 201, 1000, 4096]) {
    for (const start of [0, 3].filter((position) => position <= end)) {
      const whole = crc32c(bytes, start, end);
      const middle = start + Math.floor((end - start) / 3);
      expect(crc32cInJavaScript(bytes, start, end, 0)).toBe(whole);
      expect(crc32c(bytes, middle, end, crc32c(bytes, start, middle))).toBe(whole);
    }
  }
});

test("crc32c() refuses a range outside of the bytes", () => {
  expect(() => crc32c(new Uint8Array(10), 0, 11)).toThrow(RangeError);
  expect(() => crc32c(new Uint8Array(10), 6, 5)).toThrow(RangeError);
});

import { expect, test } from "vitest";

import { VarintReader, varintBytes, writeVarint } from "./record-varint.ts";

const values = [
  0,
  -1,
  1,
  63,
  -64,
  64,
  8191,
  -8193,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 40,
  -(2 ** 51),
  2 ** 52 - 1,
];

test("VarintReader.read() undoes writeVarint(), in as many bytes as varintBytes() says", () => {
  for (const value of values) {
    const bytes = new Uint8Array(16);
    const end = writeVarint(bytes, 3, value);
    expect([value, end - 3]).toEqual([value, varintBytes(value)]);
    const reader = new VarintReader(bytes, 3, 16);
    expect([reader.read(), reader.position]).toEqual([value, end]);
  }
});

test("writeVarint() writes zig-zag numbers, seven bits a byte", () => {
  const bytes = Buffer.alloc(8);
  expect(bytes.toString("hex", 0, writeVarint(bytes, 0, -1))).toBe("01");
  expect(bytes.toString("hex", 0, writeVarint(bytes, 0, 150))).toBe("ac02");
});

test("VarintReader.read() stops at its end, whatever follows", () => {
  const bytes = Buffer.from("ac02", "hex");
  expect(new VarintReader(bytes, 0, 1).read()).toBeUndefined();
  expect(new VarintReader(bytes, 2, 2).read()).toBeUndefined();
  const reader = new VarintReader(Buffer.from("8080808080", "hex"), 0, 3);
  expect(reader.read()).toBeUndefined();
  expect(reader.position).toBeLessThanOrEqual(3);
});

test("VarintReader.read() refuses numbers that are not safe integers", () => {
  for (const hex of ["ffffffffffffff7f", "ffffffffffffffffff01", "808080808080808000"]) {
    expect(new VarintReader(Buffer.from(hex, "hex"), 0, hex.length / 2).read()).toBeUndefined();
  }
});

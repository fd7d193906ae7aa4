import { expect, test } from "vitest";

import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

const corrupt = expect.objectContaining({ code: "CORRUPT_MESSAGE" });

test("ByteWriter writes big-endian values", () => {
  const writer = new ByteWriter().uint8(1).uint16(2).uint32(3).int64(-2).uvarint(300).string("é");
  expect(writer.finish().toString("hex")).toBe(
    ["01", "0002", "00000003", "fffffffffffffffe", "ac02", "02c3a9"].join(""),
  );
});

test("ByteReader reads what ByteWriter wrote", () => {
  const writer = new ByteWriter(1);
  writer
    .bool(true)
    .int8(-128)
    .uint8(255)
    .int16(-32768)
    .uint16(65535)
    .int32(-2147483648)
    .uint32(4294967295);
  for (const value of [
    Number.MIN_SAFE_INTEGER,
    -4294967297,
    -1,
    0,
    4294967296,
    Number.MAX_SAFE_INTEGER,
  ]) {
    writer.int64(value).uvarint(Math.abs(value));
  }
  writer.float64(Math.PI).bytes(Buffer.from("bytes")).string("text €").raw(Buffer.from("raw"));

  const reader = new ByteReader(new Uint8Array(writer.finish()));
  expect([reader.bool(), reader.int8(), reader.uint8(), reader.int16()]).toEqual([
    true,
    -128,
    255,
    -32768,
  ]);
  expect([reader.uint16(), reader.int32(), reader.uint32()]).toEqual([
    65535, -2147483648, 4294967295,
  ]);
  for (const value of [
    Number.MIN_SAFE_INTEGER,
    -4294967297,
    -1,
    0,
    4294967296,
    Number.MAX_SAFE_INTEGER,
  ]) {
    expect([reader.int64(), reader.uvarint()]).toEqual([value, Math.abs(value)]);
  }
  expect(reader.float64()).toBe(Math.PI);
  expect(reader.bytes().toString()).toBe("bytes");
  expect(reader.string()).toBe("text €");
  expect(reader.raw(reader.remaining).toString()).toBe("raw");
  reader.expectEnd();
});

test("ByteWriter.patchUint32() overwrites what was written, and nothing else", () => {
  const writer = new ByteWriter().uint32(0).uint8(9).patchUint32(0, 7);
  expect(writer.finish().toString("hex")).toBe("0000000709");
  expect(() => writer.patchUint32(2, 7)).toThrow("patch at 2 of 5");
});

test("ByteWriter.clear() starts over", () => {
  const writer = new ByteWriter().uint32(1).clear().uint8(2);
  expect(writer.length).toBe(1);
  expect([...writer.finish()]).toEqual([2]);
});

test("ByteWriter throws for numbers out of range", () => {
  const writer = new ByteWriter();
  expect(() => writer.uint8(256)).toThrow(RangeError);
  expect(() => writer.int64(2 ** 53)).toThrow("not a safe integer");
  expect(() => writer.uvarint(-1)).toThrow("not a natural number");
  expect(() => writer.uvarint(0.5)).toThrow("not a natural number");
});

test("ByteReader never reads beyond its end", () => {
  const bytes = new ByteWriter().bytes(Buffer.alloc(100)).finish();
  expect(() => new ByteReader(bytes, 0, 100).bytes()).toThrow(corrupt);
  const reads = [
    "uint8",
    "int16",
    "uint32",
    "int64",
    "float64",
    "uvarint",
    "string",
    "bytes",
  ] as const;
  for (const read of reads) {
    expect(() => new ByteReader(Buffer.alloc(0))[read]()).toThrow(corrupt);
  }
  expect(() => new ByteReader(bytes, 3, 2)).toThrow(RangeError);
  expect(() => new ByteReader(bytes).raw(-1)).toThrow(RangeError);
});

test("ByteReader refuses what no ByteWriter writes", () => {
  expect(() => new ByteReader(Buffer.of(2)).bool()).toThrow(corrupt);
  expect(() => new ByteReader(Buffer.alloc(8, 0xff).fill(0x7f, 0, 1)).int64()).toThrow(corrupt);
  expect(() => new ByteReader(Buffer.alloc(20, 0x80)).uvarint()).toThrow(corrupt);
  expect(() => new ByteReader(Buffer.alloc(8, 0xff).fill(0x7f, 7)).uvarint()).toThrow(corrupt);
  expect(() => new ByteReader(Buffer.of(1)).expectEnd()).toThrow(corrupt);
});

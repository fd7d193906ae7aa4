import { describe, expect, test } from "vitest";
import { murmur2, partitionOfKey, StickyPartition } from "./partitioner.ts";

describe("murmur2()", () => {
  // The values of Kafka's own UtilsTest.testMurmur2.
  const golden: readonly (readonly [string, number])[] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [text, hash] of golden) {
    test(`murmur2() hashes "${text}" as Kafka's Java client does`, () => {
      expect(murmur2(Buffer.from(text))).toBe(hash);
    });
  }
});

test("partitionOfKey() takes the positive hash modulo the number of partitions", () => {
  expect(partitionOfKey(Buffer.from("foobar"), 1000)).toBe((-790332482 & 0x7fffffff) % 1000);
  expect(partitionOfKey(new Uint8Array(0), 1)).toBe(0);
});

describe("StickyPartition", () => {
  const scripted = (...numbers: number[]) => ({
    integer: (bound: number) => (numbers.shift() ?? 0) % bound,
    uuid: () => "",
  });

  test("StickyPartition.current() stays until the batch of that partition is closed", () => {
    const sticky = new StickyPartition(scripted(3, 0));
    expect(sticky.current(8)).toBe(3);
    sticky.batchClosed(5, 8);
    expect(sticky.current(8)).toBe(3);
    sticky.batchClosed(3, 8);
    expect(sticky.current(8)).toBe(4);
  });

  test("StickyPartition.batchClosed() never chooses the same partition twice in a row", () => {
    for (let step = 0; step < 7; step++) {
      const sticky = new StickyPartition(scripted(3, step));
      sticky.current(8);
      sticky.batchClosed(3, 8);
      expect(sticky.current(8)).not.toBe(3);
    }
  });

  test("StickyPartition.batchClosed() passes by partitions that are not available", () => {
    const sticky = new StickyPartition(scripted(3, 0, 0));
    sticky.current(8);
    sticky.batchClosed(3, 8, (partition) => partition === 1);
    expect(sticky.current(8)).toBe(1);
    sticky.batchClosed(1, 8, () => false);
    expect(sticky.current(8)).toBe(2);
  });

  test("StickyPartition.current() stays with the only partition", () => {
    const sticky = new StickyPartition(scripted(0));
    sticky.batchClosed(sticky.current(1), 1);
    expect(sticky.current(1)).toBe(0);
  });
});

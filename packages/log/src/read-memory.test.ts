import { expect, test } from "vitest";
import { type HeldMemory, ReadMemory } from "./read-memory.ts";

const mebibyte = 1024 * 1024;

function heldIn(memory: Buffer): HeldMemory {
  return { memory, readers: 0, isCached: true };
}

test("ReadMemory.take() gives what was read to again when it left the cache and all its readers are done", () => {
  const memory = new ReadMemory();
  const piece = memory.take(mebibyte);
  const held = heldIn(piece);
  const [first, second] = [[piece.subarray(0, 5)], [piece.subarray(0, 5)]];
  memory.lend(held, first);
  memory.lend(held, second);
  memory.giveBack(first);
  memory.uncached(held);
  expect(memory.take(mebibyte)).not.toBe(piece);
  memory.giveBack(first); // Once more changes nothing: the second reader still looks at it.
  expect(memory.take(mebibyte)).not.toBe(piece);
  memory.giveBack(second);
  expect(memory.take(mebibyte)).toBe(piece);
  expect(memory.take(mebibyte)).not.toBe(piece);
});

test("ReadMemory.take() never gives memory again that a reader may keep", () => {
  const memory = new ReadMemory();
  const piece = memory.take(mebibyte);
  const held = heldIn(piece);
  const slices = [piece.subarray(0, 5)];
  memory.lend(held, slices);
  held.readers = Infinity;
  memory.giveBack(slices);
  memory.uncached(held);
  expect(memory.take(mebibyte)).not.toBe(piece);
});

test("ReadMemory.take() gives what is in the cache to nobody, and small and huge reads memory of their size", () => {
  const memory = new ReadMemory();
  const piece = memory.take(mebibyte);
  const slices = [piece.subarray(0, 5)];
  memory.lend(heldIn(piece), slices);
  memory.giveBack(slices);
  expect(memory.take(mebibyte)).not.toBe(piece);
  expect([memory.take(100).length, memory.take(9 * mebibyte).length]).toEqual([100, 9 * mebibyte]);
});

import { expect, test } from "vitest";
import { ChunkMemory, type HeldChunk } from "./chunk-memory.ts";
import type { Chunk } from "./segment-chunk.ts";

const chunk = {} as Chunk;
const mebibyte = 1024 * 1024;

function heldIn(memory: Buffer): HeldChunk {
  return { chunk, memory, readers: 0, isCached: true };
}

test("ChunkMemory.take() gives the memory of a chunk again when it left the cache and all its readers are done", () => {
  const memory = new ChunkMemory();
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

test("ChunkMemory.take() never gives memory again that a reader may keep", () => {
  const memory = new ChunkMemory();
  const piece = memory.take(mebibyte);
  const held = heldIn(piece);
  const slices = [piece.subarray(0, 5)];
  memory.lend(held, slices);
  expect(memory.kept(held)).toBe(chunk);
  memory.giveBack(slices);
  memory.uncached(held);
  expect(memory.take(mebibyte)).not.toBe(piece);
});

test("ChunkMemory.take() gives a chunk in the cache to nobody, and small and huge chunks memory of their size", () => {
  const memory = new ChunkMemory();
  const piece = memory.take(mebibyte);
  const slices = [piece.subarray(0, 5)];
  memory.lend(heldIn(piece), slices);
  memory.giveBack(slices);
  expect(memory.take(mebibyte)).not.toBe(piece);
  expect([memory.take(100).length, memory.take(9 * mebibyte).length]).toEqual([100, 9 * mebibyte]);
});

import { crc32c } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import {
  type Chunk,
  chunkBytes,
  chunkHeaderBytes,
  chunkRowBytes,
  decodeChunk,
  decodeChunkHeader,
  encodeChunkHead,
  encodeChunkHeader,
} from "./segment-chunk.ts";
import type { LogEntry } from "../log-entry.ts";
import { chunkEntry } from "../../fakes/segment-harness.ts";
import { sampleBatch, sampleEntry } from "../../fakes/store-harness.ts";

const salt = 0xfeedf00d;
const position = 2 ** 33;
const entries: readonly LogEntry[] = [
  sampleEntry(5, 2, sampleBatch(10, 3, 90, 1, 500)),
  { index: 6, term: 2, type: "confChangeV2", data: Buffer.from("member") },
  sampleEntry(8, 3, new Uint8Array(0)),
  sampleEntry(9, 3, sampleBatch(20, 2, 80, 2, 400)),
];

function encoded(): Buffer {
  const { head } = encodeChunkHead(entries.map(chunkEntry), salt, position, 10);
  return Buffer.concat([head, ...entries.map(({ data }) => data)]);
}

function plain(chunk: Chunk | undefined): unknown {
  return chunk?.entries.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) }));
}

test("decodeChunk() reads what encodeChunkHead() wrote, gaps between indexes and offsets included", () => {
  const bytes = encoded();
  const chunk = decodeChunk(bytes, salt, position);
  expect(plain(chunk)).toEqual(
    entries.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) })),
  );
  expect(chunk?.header).toMatchObject({
    position,
    entryCount: 4,
    dataBytes: 176,
    firstIndex: 5,
    lastIndex: 9,
    baseOffset: 10,
    endOffset: 22,
    maxTimestampMs: 500,
  });
  expect(chunk === undefined ? 0 : chunkBytes(chunk.header)).toBe(bytes.length);
  expect(bytes.length).toBe(chunkHeaderBytes + 4 * chunkRowBytes + 176);
});

test("decodeChunk() refuses a chunk of another file and one in another place", () => {
  const bytes = encoded();
  expect(decodeChunk(bytes, salt ^ 1, position)).toBeUndefined();
  expect(decodeChunk(bytes, salt, position + 8)).toBeUndefined();
  expect(decodeChunk(bytes, salt, 0)).toBeUndefined();
});

test("decodeChunk() refuses every flipped bit and every other length", () => {
  const bytes = encoded();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeChunk(damaged, salt, position), `bit ${bit}`).toBeUndefined();
  }
  for (let length = 0; length < bytes.length; length++) {
    expect(decodeChunk(bytes.subarray(0, length), salt, position)).toBeUndefined();
  }
  expect(decodeChunk(Buffer.concat([bytes, Buffer.alloc(1)]), salt, position)).toBeUndefined();
});

test("decodeChunk() refuses lengths that lie although every checksum holds", () => {
  const bytes = encoded();
  bytes.writeUInt32BE(1000, chunkHeaderBytes + 16); // The first entry's data is longer than the chunk.
  const tableEnd = chunkHeaderBytes + 4 * chunkRowBytes;
  const header = decodeChunkHeader(encoded(), salt, position);
  if (header === undefined) throw new Error("no header");
  const tableCrc = crc32c(bytes, chunkHeaderBytes, tableEnd);
  encodeChunkHeader(bytes, { ...header, tableCrc }, salt);
  expect(decodeChunkHeader(bytes, salt, position)).toBeDefined();
  expect(decodeChunk(bytes, salt, position)).toBeUndefined();
});

test("encodeChunkHeader() moves a chunk to another file and place", () => {
  const bytes = encoded();
  const header = decodeChunkHeader(bytes, salt, position);
  if (header === undefined) throw new Error("no header");
  encodeChunkHeader(bytes, { ...header, position: 64 }, 77);
  expect(decodeChunk(bytes, salt, position)).toBeUndefined();
  expect(plain(decodeChunk(bytes, 77, 64))).toEqual(plain(decodeChunk(encoded(), salt, position)));
});

test("encodeChunkHead() keeps a timestamp that is none within what can be stored", () => {
  const batches = [sampleBatch(0, 1, 70, 1, -5), sampleBatch(1, 1, 70, 1, 9e15)];
  const maxima = batches.map((data, row) => {
    const { header } = encodeChunkHead([chunkEntry(sampleEntry(1, 1, data))], salt, 64, row);
    return header.maxTimestampMs;
  });
  expect(maxima).toEqual([-1, 8.64e15]);
});

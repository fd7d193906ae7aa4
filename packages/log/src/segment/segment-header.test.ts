import { crc32c } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import {
  checkSegmentHeader,
  type ChunkRow,
  decodeSegmentIndex,
  encodeSegmentHeader,
  encodeSegmentIndex,
  indexRowBytes,
  segmentFooterBytes,
  segmentHeaderBytes,
} from "./segment-header.ts";

const header = { key: { groupId: 3, incarnation: 2 ** 40 }, fileId: 9 };
const { bytes, salt } = encodeSegmentHeader(header);
const rows: readonly ChunkRow[] = [
  {
    position: 64,
    bytes: 400,
    entryCount: 2,
    firstIndex: 7,
    baseOffset: 30,
    endOffset: 40,
    maxTimestampMs: -1,
  },
  {
    position: 464,
    bytes: 500,
    entryCount: 3,
    firstIndex: 9,
    baseOffset: 40,
    endOffset: 2 ** 45,
    maxTimestampMs: 8.64e15,
  },
];
const indexPosition = 964;
const index = encodeSegmentIndex(rows, salt, indexPosition, 11);

test("encodeSegmentHeader() lays the fields out as drawn", () => {
  expect(bytes.subarray(0, 64).toString("hex")).toBe(
    "52575345474d4e54" +
      "0000000100000000" +
      "0000000000000003" +
      "0000010000000000" +
      "0000000000000009" +
      "00".repeat(20) +
      salt.toString(16).padStart(8, "0"),
  );
  expect(bytes.length).toBe(segmentHeaderBytes);
});

test("checkSegmentHeader() knows its own file, and tells a newer version from damage", () => {
  expect(checkSegmentHeader(bytes, header)).toBe("sound");
  expect(checkSegmentHeader(bytes, { ...header, fileId: 10 })).toBe("damaged");
  expect(checkSegmentHeader(bytes.subarray(0, 60), header)).toBe("damaged");
  for (let bit = 0; bit < segmentHeaderBytes * 8; bit += bit < 64 * 8 ? 1 : 97) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(checkSegmentHeader(damaged, header)).toBe("damaged");
  }
  const newer = Buffer.from(bytes);
  newer.writeUInt32BE(2, 8);
  newer.writeUInt32BE(crc32c(newer, 0, 60), 60);
  expect(checkSegmentHeader(newer, header)).toBe("newer");
});

test("decodeSegmentIndex() reads what encodeSegmentIndex() wrote", () => {
  expect(decodeSegmentIndex(index, salt, indexPosition)).toEqual(rows);
  expect(index.length).toBe(2 * indexRowBytes + segmentFooterBytes);
  const empty = encodeSegmentIndex([], salt, segmentHeaderBytes, 0);
  expect(decodeSegmentIndex(empty, salt, segmentHeaderBytes)).toEqual([]);
});

test("decodeSegmentIndex() refuses every flipped bit, another length, another file and another place", () => {
  for (let bit = 0; bit < index.length * 8; bit++) {
    const damaged = Buffer.from(index);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeSegmentIndex(damaged, salt, indexPosition), `bit ${bit}`).toBeUndefined();
  }
  for (let length = 0; length < index.length; length++) {
    expect(decodeSegmentIndex(index.subarray(0, length), salt, indexPosition)).toBeUndefined();
    expect(decodeSegmentIndex(index.subarray(length + 1), salt, indexPosition)).toBeUndefined();
  }
  expect(decodeSegmentIndex(index, salt ^ 1, indexPosition)).toBeUndefined();
  expect(decodeSegmentIndex(index, salt, indexPosition + 1)).toBeUndefined();
});

import { crc32c } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import {
  decodeFileHeader,
  encodeFileHeader,
  fileHeaderBytes,
  isUnfinishedFileName,
  journalFileName,
  sequenceOfFileName,
} from "./file-header.ts";

const directoryId = Uint8Array.from({ length: 16 }, (_, row) => row + 1);
const { bytes, salt } = encodeFileHeader({ directoryId, sequence: 5 });

test("decodeFileHeader() reads what encodeFileHeader() wrote", () => {
  expect(bytes.length).toBe(fileHeaderBytes);
  const outcome = decodeFileHeader(bytes);
  expect(
    outcome.kind === "header" && {
      ...outcome.header,
      directoryId: [...outcome.header.directoryId],
    },
  ).toEqual({ directoryId: [...directoryId], sequence: 5 });
});

test("decodeFileHeader() calls any flipped bit of its 64 bytes damage", () => {
  for (let bit = 0; bit < 64 * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeFileHeader(damaged).kind).toBe("damaged");
  }
  expect(decodeFileHeader(bytes.subarray(0, 40)).kind).toBe("damaged");
});

test("encodeFileHeader() lays the fields out as drawn", () => {
  expect(bytes.subarray(0, 60).toString("hex")).toBe(
    "52574a4f55524e4c" +
      "00000001" +
      "00001000" +
      "0102030405060708090a0b0c0d0e0f10" +
      "0000000000000005" +
      "00".repeat(20),
  );
  expect(bytes.readUInt32BE(60)).toBe(salt);
});

test("encodeFileHeader() gives every file and every directory a salt of its own, and always the same", () => {
  const other = Uint8Array.from(directoryId, (byte) => byte ^ 1);
  const salts = [1, 2, 3].flatMap((sequence) =>
    [directoryId, other].map((id) => encodeFileHeader({ directoryId: id, sequence }).salt),
  );
  expect(new Set(salts).size).toBe(6);
  expect(encodeFileHeader({ directoryId, sequence: 5 })).toEqual({ bytes, salt });
});

test("decodeFileHeader() tells a newer version from damage", () => {
  const newer = Buffer.from(bytes);
  newer.writeUInt32BE(7, 8);
  newer.writeUInt32BE(crc32c(newer, 0, 60), 60);
  expect(decodeFileHeader(newer)).toEqual({ kind: "newer", version: 7 });
});

test("isUnfinishedFileName() knows a file that never got its name", () => {
  expect(isUnfinishedFileName("journal-0000000012-01020304.log.tmp")).toBe(true);
  expect(isUnfinishedFileName("journal-0000000012-01020304.log")).toBe(false);
  expect(isUnfinishedFileName("segment-1.1-1.seg.tmp")).toBe(false);
});

test("sequenceOfFileName() reads journalFileName() and nothing else", () => {
  expect(journalFileName(12, directoryId)).toBe("journal-0000000012-01020304.log");
  expect(sequenceOfFileName(journalFileName(12, directoryId))).toBe(12);
  expect(sequenceOfFileName("journal-0000000012-01020304.log.tmp")).toBeUndefined();
  expect(sequenceOfFileName("LOCK")).toBeUndefined();
});

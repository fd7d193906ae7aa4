import { crc32c } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import {
  bodyBytesOf,
  decodeRecordHeader,
  decodeTable,
  encodeRecordHead,
  isBefore,
  recordBytes,
  type RecordContent,
  recordHeaderBytes,
  sealRecordHead,
} from "./journal-record.ts";
import type { LogEntry } from "../log-entry.ts";

const entries: readonly LogEntry[] = [
  { index: 9, term: 2, type: "normal", data: Buffer.from("abc") },
  { index: 10, term: 3, type: "confChangeV2", data: Buffer.from("defgh") },
];
const content: RecordContent = {
  kind: "write",
  key: { groupId: 7, incarnation: 2 ** 40 },
  recordNumber: 4,
  hardState: { term: 3, vote: 1, commit: 8 },
  entries,
};
const crcs = entries.map((entry) => crc32c(entry.data));
const salt = 0xdeadbeef;
const position = 4096;

function sealedHead(): Buffer {
  const head = encodeRecordHead(content, crcs, position);
  sealRecordHead(head, salt, { sequence: 1, position: 4096 });
  return head;
}

test("decodeRecordHeader() and decodeTable() read what encodeRecordHead() wrote", () => {
  const head = sealedHead();
  const header = decodeRecordHeader(head, 0, salt, position);
  expect(header).toMatchObject({
    kind: "write",
    key: content.key,
    recordNumber: 4,
    hardState: content.hardState,
    firstIndex: 9,
    entryCount: 2,
    bodyBytes: bodyBytesOf(entries),
    floor: { sequence: 1, position: 4096 },
  });
  const rows =
    header === undefined ? undefined : decodeTable(header, head.subarray(recordHeaderBytes));
  expect(rows).toEqual([
    {
      term: 2,
      type: "normal",
      dataPosition: position + head.length,
      dataBytes: 3,
      dataCrc: crcs[0],
    },
    {
      term: 3,
      type: "confChangeV2",
      dataPosition: position + head.length + 3,
      dataBytes: 5,
      dataCrc: crcs[1],
    },
  ]);
});

test("decodeRecordHeader() refuses every flipped bit, another file's salt and another position", () => {
  const head = sealedHead();
  for (let bit = 0; bit < recordHeaderBytes * 8; bit++) {
    const damaged = Buffer.from(head);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeRecordHeader(damaged, 0, salt, position)).toBeUndefined();
  }
  expect(decodeRecordHeader(head, 0, salt + 1, position)).toBeUndefined();
  expect(decodeRecordHeader(head, 0, salt, position + 8)).toBeUndefined();
  expect(decodeRecordHeader(head.subarray(0, 90), 0, salt, position)).toBeUndefined();
});

test("decodeTable() refuses every flipped bit", () => {
  const head = sealedHead();
  const header = decodeRecordHeader(head, 0, salt, position);
  const table = head.subarray(recordHeaderBytes);
  for (let bit = 0; header !== undefined && bit < table.length * 8; bit++) {
    const damaged = Buffer.from(table);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeTable(header, damaged)).toBeUndefined();
  }
});

test("recordBytes() is a multiple of eight with room for the body", () => {
  for (let bodyBytes = 0; bodyBytes < 40; bodyBytes++) {
    const bytes = recordBytes(bodyBytes);
    expect(bytes % 8).toBe(0);
    expect(bytes - recordHeaderBytes - bodyBytes).toBeGreaterThanOrEqual(0);
    expect(bytes - recordHeaderBytes - bodyBytes).toBeLessThan(8);
  }
});

test("isBefore() orders by file, then by position", () => {
  const at = (sequence: number, byte: number): { sequence: number; position: number } => ({
    sequence,
    position: byte,
  });
  expect(isBefore(at(1, 9), at(2, 0))).toBe(true);
  expect(isBefore(at(2, 0), at(1, 9))).toBe(false);
  expect(isBefore(at(1, 1), at(1, 2))).toBe(true);
  expect(isBefore(at(1, 2), at(1, 2))).toBe(false);
});

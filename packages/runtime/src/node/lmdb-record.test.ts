import { expect, test } from "vitest";
import {
  changeTally,
  decodeRecord,
  decodeTally,
  EMPTY_TALLY,
  encodeKey,
  encodeRecord,
  encodeTally,
} from "./lmdb-record.ts";

test("decodeRecord() refuses a changed value, a changed key and a cut record", () => {
  const key = encodeKey("group/7");
  const record = encodeRecord(key, Buffer.from("state"));
  expect(decodeRecord(key, record)).toEqual(Buffer.from("state"));
  expect(decodeRecord(encodeKey("group/6"), record)).toBeUndefined();
  expect(decodeRecord(key, record.subarray(0, 3))).toBeUndefined();
  expect(decodeRecord(key, record.subarray(0, -1))).toBeUndefined();
  record[6] = (record[6] ?? 0) ^ 1;
  expect(decodeRecord(key, record)).toBeUndefined();
});

test("changeTally() depends on the entries that are there, not on how they came", () => {
  const records = ["a", "b", "c"].map((key) => encodeRecord(encodeKey(key), Buffer.from(key)));
  const forward = records.reduce((tally, it) => changeTally(tally, undefined, it), EMPTY_TALLY);
  const detour = [records[2], records[0], records[2], records[1]].reduce(
    (tally, it) => changeTally(tally, undefined, it),
    EMPTY_TALLY,
  );
  expect(changeTally(detour, records[2], undefined)).toEqual(forward);
  const emptied = records.reduce((tally, it) => changeTally(tally, it, undefined), forward);
  expect(emptied).toEqual(EMPTY_TALLY);
});

test("decodeTally() inverts encodeTally() and refuses another format", () => {
  const tally = { entryCount: 3, crcSum: 2 ** 47 + 1 };
  expect(decodeTally(encodeTally(tally))).toEqual(tally);
  const foreign = encodeTally(tally);
  foreign.writeUInt32BE(2, 0);
  expect(decodeTally(foreign)).toBeUndefined();
  expect(decodeTally(new Uint8Array(3))).toBeUndefined();
});

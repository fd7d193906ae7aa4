import assert from "node:assert/strict";
import { crc32 } from "node:zlib";

// What a store keeps under a key, so that damage is seen:
//
//   | CRC-32 of key and value, u32 big-endian | value |
//
// and under the reserved key "\0", in the same transaction as each change, the tally of all others:
//
//   | format u32 | entry count f64 | sum of all their CRCs modulo 2^48, f64 |     (big-endian)
const CRC_BYTES = 4;
const TALLY_BYTES = 20;
const FORMAT = 1;
const SUM_MODULUS = 2 ** 48;

/** The longest key in UTF-8 bytes; a page of LMDB allows not quite 2,000. */
const KEY_BYTES_MAX = 1024;

/** The key of the tally; no key of a user may start with its character. */
export const TALLY_KEY: Buffer = Buffer.from([0]);

/** How many entries a store has, and the sum of their checksums. */
export interface Tally {
  readonly entryCount: number;
  readonly crcSum: number;
}

/** The tally of an empty store. */
export const EMPTY_TALLY: Tally = { entryCount: 0, crcSum: 0 };

/** A key as stored: UTF-8, so that keys are in the order of their code points. */
export function encodeKey(key: string): Buffer {
  assert(key !== "" && key[0] !== "\0", "A key must have a first character other than U+0000");
  assert(key.isWellFormed(), "A key must not have lone surrogates");
  const bytes = Buffer.from(key, "utf8");
  assert(bytes.length <= KEY_BYTES_MAX, `A key must have at most ${KEY_BYTES_MAX} bytes`);
  return bytes;
}

/** A value as stored; copies it. */
export function encodeRecord(key: Uint8Array, value: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(CRC_BYTES + value.byteLength);
  record.writeUInt32BE(crc32(value, crc32(key)), 0);
  record.set(value, CRC_BYTES);
  return record;
}

/** The value in a record, as a view of it, or `undefined` where the record is damaged. */
export function decodeRecord(key: Uint8Array, record: Uint8Array): Uint8Array | undefined {
  if (record.byteLength < CRC_BYTES) return undefined;
  const value = record.subarray(CRC_BYTES);
  return crc32(value, crc32(key)) === crcOf(record) ? value : undefined;
}

/** `tally` after the record under one key changed; `undefined` stands for none. */
export function changeTally(
  tally: Tally,
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
): Tally {
  const added = after === undefined ? 0 : crcOf(after);
  const removed = before === undefined ? 0 : crcOf(before);
  return {
    entryCount: tally.entryCount + Number(after !== undefined) - Number(before !== undefined),
    crcSum: (tally.crcSum + added - removed + SUM_MODULUS) % SUM_MODULUS,
  };
}

/** The tally as a value. */
export function encodeTally(tally: Tally): Buffer {
  const bytes = Buffer.allocUnsafe(TALLY_BYTES);
  bytes.writeUInt32BE(FORMAT, 0);
  bytes.writeDoubleBE(tally.entryCount, 4);
  bytes.writeDoubleBE(tally.crcSum, 12);
  return bytes;
}

/** The inverse of {@link encodeTally}; `undefined` for another format. */
export function decodeTally(value: Uint8Array): Tally | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length !== TALLY_BYTES || bytes.readUInt32BE(0) !== FORMAT) return undefined;
  return { entryCount: bytes.readDoubleBE(4), crcSum: bytes.readDoubleBE(12) };
}

function crcOf(record: Uint8Array): number {
  return Buffer.from(record.buffer, record.byteOffset, record.byteLength).readUInt32BE(0);
}

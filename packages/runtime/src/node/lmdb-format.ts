// A data file of LMDB (data version 2, as the `lmdb` package writes it), little-endian, in pages of
// 4 KiB. Pages 0 and 1 are meta pages, written in turn; the one of the later transaction counts.
// Every other page belongs to the tree of the data, to the tree of free pages, or is free.
//
//   page    | pgno u64 | txn u64 | pad u16 | flags u16 | lower u16, upper u16 or pages u32 | …
//   meta    | header 24 | magic u32 | version u32 | address u64 | map bytes u64 |
//           | tree of free pages 48 | tree of data 48 | last page u64 | txn u64 | …
//   tree    | pad u32 | flags u16 | depth u16 | branch, leaf, overflow pages u64 | entries u64 | root u64 |
//   node    | size or child, low u16, high u16 | flags u16 or child, highest u16 | key bytes u16 | key | value |
//   big     | pgno u64 | txn u64 | pages u64 |         (in the place of a value that has its own pages)
//   free    | count u64 | count × i64: page, or minus a number of pages and the first of them, or 0 |

/** The page size that stores are created with, and the only one that is understood here. */
export const PAGE_BYTES = 4096;

/** The header of a page; what it points at is counted from its end. */
export const HEADER_BYTES = 24;

/** What a page holds beside its header. */
export const BODY_BYTES: number = PAGE_BYTES - HEADER_BYTES;

/** What is wrong with a data file; thrown by the readers below. */
export class Damage extends Error {}

/** The number at `at`; Damage where it is none that can be meant. */
export function u64(bytes: Buffer, at: number): number {
  const value = i64(bytes, at);
  check(value >= 0, "a number beyond any sense");
  return value;
}

/** The same, where it may be negative. */
export function i64(bytes: Buffer, at: number): number {
  check(at + 8 <= bytes.length, "a number beyond its page");
  const value = bytes.readInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
  check(Number.isSafeInteger(value), "a number beyond any sense");
  return value;
}

/** Throws Damage with `fault` unless `isSound`. */
export function check(isSound: boolean, fault: string): void {
  if (!isSound) throw new Damage(fault);
}

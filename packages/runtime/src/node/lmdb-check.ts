import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { BODY_BYTES, check, Damage, HEADER_BYTES, i64, PAGE_BYTES, u64 } from "./lmdb-format.ts";
import { TreeWalk } from "./lmdb-tree.ts";
import type { BigValue, Tree } from "./lmdb-tree.ts";

const META_COUNT = 2;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const DEPTH_MAX = 32;
const OVERFLOW = 4;
const META = 8;
const PAGE_KIND = 0x6f;
const FREE_TREE_FLAGS = 8;
const DATA_TREE_FLAGS = 0;

interface Meta {
  readonly lastPage: number;
  readonly txn: number;
  /** Where the meta page's content is kept, for the trees. */
  readonly page: Buffer;
}

/**
 * Reads the whole of an LMDB data file, without LMDB, and answers what is wrong with it, or
 * `undefined`. LMDB itself trusts its file: a flipped bit or a missing page can end the process by
 * SIGSEGV or SIGBUS, and a wrong list of free pages lets it overwrite live ones. What passes here
 * holds every structure that LMDB follows: both meta pages, every page of both trees with its
 * bounds, order and counts, and no page in two places.
 *
 * LMDB keeps no checksums of keys and values: `onEntry` gets each of them, in key order, and
 * answers what is wrong with it. The buffers are only valid until it returns. Throws the system's
 * error where the file cannot be read. Blocks for about a millisecond per MiB.
 */
export function lmdbFault(
  path: string,
  onEntry: (key: Uint8Array, value: Uint8Array) => string | undefined,
): string | undefined {
  const descriptor = openSync(path, "r");
  try {
    new LmdbCheck(descriptor).run(onEntry);
    return undefined;
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

class LmdbCheck {
  readonly #descriptor: number;
  readonly #pageCountOfFile: number;
  readonly #meta: Meta;
  /** Every page that was met, as [start, end): in the end none may be there twice. */
  readonly #met: { readonly start: number; readonly end: number }[] = [];

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#pageCountOfFile = Math.floor(fstatSync(descriptor).size / PAGE_BYTES);
    const first = this.#readMeta(0);
    const second = this.#readMeta(1);
    this.#meta = first.txn >= second.txn ? first : second;
  }

  run(onEntry: (key: Uint8Array, value: Uint8Array) => string | undefined): void {
    const { page } = this.#meta;
    const freeTree = readTree(page, HEADER_BYTES + 24, "free pages", FREE_TREE_FLAGS);
    const dataTree = readTree(page, HEADER_BYTES + 72, "data", DATA_TREE_FLAGS);
    const compareIds = (a: Buffer, b: Buffer): number => idOf(a) - idOf(b);
    const compareBytes = (a: Buffer, b: Buffer): number => a.compare(b);
    const onFree = (_key: Buffer, value: Buffer): undefined => this.#meetFree(value);
    this.#checkTree({ ...freeTree, compare: compareIds, onEntry: onFree });
    this.#checkTree({ ...dataTree, compare: compareBytes, onEntry });
    this.#checkMetOnce();
  }

  #readMeta(index: number): Meta {
    const page = this.#readPages(index, 1);
    const what = `meta page ${index}`;
    const at = HEADER_BYTES;
    check(u64(page, 0) === index && (page.readUInt16LE(18) & META) !== 0, `${what}: no meta page`);
    check(page.readUInt32LE(at) === MAGIC, `${what}: foreign magic`);
    check(page.readUInt32LE(at + 4) === VERSION, `${what}: foreign version`);
    check(page.readUInt32LE(at + 24) === PAGE_BYTES, `${what}: foreign page size`);
    const lastPage = u64(page, at + 120);
    check(lastPage >= META_COUNT - 1, `${what}: last page ${lastPage}`);
    return { lastPage, txn: u64(page, at + 128), page };
  }

  #checkTree(tree: Tree): void {
    if (tree.rootPage === undefined) {
      check(tree.entryCount === 0, `tree of ${tree.name}: entries without a root`);
      return;
    }
    check(tree.depth >= 1 && tree.depth <= DEPTH_MAX, `tree of ${tree.name}: depth ${tree.depth}`);
    const walk = new TreeWalk(
      tree,
      (page, kind) => this.#readNodePage(page, kind),
      (at) => this.#readBig(at),
    );
    walk.visit(tree.rootPage, 1, undefined, undefined);
    walk.checkCounts();
  }

  #readNodePage(page: number, kind: number): Buffer {
    const bytes = this.#readOwned(page, 1, kind);
    const lower = bytes.readUInt16LE(20);
    const upper = bytes.readUInt16LE(22);
    check(
      lower >= 2 && lower % 2 === 0 && lower <= upper && upper <= BODY_BYTES,
      `page ${page}: bounds ${lower} and ${upper}`,
    );
    return bytes;
  }

  #readBig(at: BigValue): Buffer {
    check(at.txn <= this.#meta.txn, `page ${at.page}: of a later transaction`);
    const pageCount = Math.floor((HEADER_BYTES - 1 + at.bytes) / PAGE_BYTES) + 1;
    check(at.pageCount === pageCount, `page ${at.page}: ${at.pageCount} pages for one value`);
    const bytes = this.#readOwned(at.page, pageCount, OVERFLOW);
    check(bytes.readUInt32LE(20) === pageCount, `page ${at.page}: wrong number of pages`);
    return bytes.subarray(HEADER_BYTES, HEADER_BYTES + at.bytes);
  }

  #readOwned(page: number, count: number, kind: number): Buffer {
    this.#meet(page, count);
    const bytes = this.#readPages(page, count);
    check(u64(bytes, 0) === page, `page ${page}: it says that it is another`);
    check(u64(bytes, 8) <= this.#meta.txn, `page ${page}: of a later transaction`);
    check((bytes.readUInt16LE(18) & PAGE_KIND) === kind, `page ${page}: of the wrong kind`);
    return bytes;
  }

  #readPages(page: number, count: number): Buffer {
    check(page + count <= this.#pageCountOfFile, `page ${page}: the file ends before it`);
    const bytes = Buffer.allocUnsafe(count * PAGE_BYTES);
    const bytesRead = readSync(this.#descriptor, bytes, 0, bytes.length, page * PAGE_BYTES);
    check(bytesRead === bytes.length, `page ${page}: the file ends within it`);
    return bytes;
  }

  #meetFree(value: Buffer): undefined {
    const count = u64(value, 0);
    check((count + 1) * 8 <= value.length, "list of free pages: longer than its value");
    for (let i = 1; i <= count; i += 1) {
      const entry = i64(value, i * 8);
      if (entry > 0) this.#meet(entry, 1);
      if (entry >= 0) continue;
      i += 1;
      check(i <= count, "list of free pages: a length without a page");
      this.#meet(u64(value, i * 8), -entry);
    }
  }

  #meet(page: number, count: number): void {
    const end = page + count;
    check(page >= META_COUNT && end <= this.#meta.lastPage + 1, `page ${page}: out of range`);
    this.#met.push({ start: page, end });
  }

  #checkMetOnce(): void {
    this.#met.sort((a, b) => a.start - b.start);
    let before = META_COUNT;
    for (const { start, end } of this.#met) {
      check(start >= before, `page ${start}: in two places`);
      before = end;
    }
  }
}

function readTree(
  page: Buffer,
  at: number,
  name: string,
  flags: number,
): Omit<Tree, "compare" | "onEntry"> {
  check(page.readUInt16LE(at + 4) === flags, `tree of ${name}: foreign flags`);
  const pageCount = u64(page, at + 8) + u64(page, at + 16) + u64(page, at + 24);
  const isEmpty = page.readBigUInt64LE(at + 40) === 0xffff_ffff_ffff_ffffn;
  return {
    name,
    depth: page.readUInt16LE(at + 6),
    pageCount,
    entryCount: u64(page, at + 32),
    rootPage: isEmpty ? undefined : u64(page, at + 40),
  };
}

function idOf(key: Buffer): number {
  check(key.length === 8, "list of free pages: a foreign key");
  return u64(key, 0);
}

import { BODY_BYTES, check, HEADER_BYTES, PAGE_BYTES, u64 } from "./lmdb-format.ts";

const NODE_BYTES = 8;
const BIG_BYTES = 24;
const BRANCH = 1;
const LEAF = 2;
const NODE_BIG = 1;

/** A tree as a meta page describes it, and what is to be done with its entries. */
export interface Tree {
  readonly name: string;
  readonly depth: number;
  readonly pageCount: number;
  readonly entryCount: number;
  readonly rootPage: number | undefined;
  readonly compare: (a: Buffer, b: Buffer) => number;
  readonly onEntry: (key: Buffer, value: Buffer) => string | undefined;
}

/** Where the pages of a value that has its own are, by the node that stands for it. */
export interface BigValue {
  readonly page: number;
  readonly txn: number;
  readonly pageCount: number;
  readonly bytes: number;
}

/** One pass through a tree, in key order; its methods throw Damage at the first fault. */
export class TreeWalk {
  readonly #tree: Tree;
  readonly #readNodePage: (page: number, kind: number) => Buffer;
  readonly #readBig: (at: BigValue) => Buffer;
  #pageCount = 0;
  #entryCount = 0;
  #lastKey: Buffer | undefined = undefined;

  constructor(
    tree: Tree,
    readNodePage: (page: number, kind: number) => Buffer,
    readBig: (at: BigValue) => Buffer,
  ) {
    this.#tree = tree;
    this.#readNodePage = readNodePage;
    this.#readBig = readBig;
  }

  /** Visits the page at `level` and what is below it; all keys must lie in [`low`, `high`). */
  visit(page: number, level: number, low: Buffer | undefined, high: Buffer | undefined): void {
    const isLeaf = level === this.#tree.depth;
    const bytes = this.#readNodePage(page, isLeaf ? LEAF : BRANCH);
    this.#pageCount += 1;
    const nodes = this.#nodesOf(page, bytes, isLeaf);
    for (const [i, node] of nodes.entries()) {
      if (isLeaf) {
        this.#visitEntry(page, bytes, node, low, high);
        continue;
      }
      // The first key of a branch stands for everything below the second, whatever it holds.
      const childLow = i === 0 ? low : keyOf(bytes, node);
      const next = nodes[i + 1];
      const childHigh = next === undefined ? high : keyOf(bytes, next);
      this.visit(childOf(bytes, node), level + 1, childLow, childHigh);
    }
  }

  /** To be called after the visit of the root: were there as many as the meta page says? */
  checkCounts(): void {
    const { name, entryCount, pageCount } = this.#tree;
    check(this.#entryCount === entryCount, `tree of ${name}: ${this.#entryCount} entries`);
    check(this.#pageCount === pageCount, `tree of ${name}: ${this.#pageCount} pages`);
  }

  // Nodes lie without gaps between `upper` and the end of the page, in any order.
  #nodesOf(page: number, bytes: Buffer, isLeaf: boolean): number[] {
    const nodes: number[] = [];
    const lower = bytes.readUInt16LE(20);
    const upper = bytes.readUInt16LE(22);
    let totalBytes = 0;
    for (let at = HEADER_BYTES; at < HEADER_BYTES + lower; at += 2) {
      const offset = bytes.readUInt16LE(at);
      const isInside = offset % 2 === 0 && offset >= upper && offset + NODE_BYTES <= BODY_BYTES;
      check(isInside, `page ${page}: a node at ${offset}`);
      const node = HEADER_BYTES + offset;
      const nodeBytes = NODE_BYTES + keyBytesOf(bytes, node) + inlineBytesOf(bytes, node, isLeaf);
      check(node + nodeBytes <= PAGE_BYTES, `page ${page}: a node beyond its end`);
      totalBytes += nodeBytes + (nodeBytes % 2);
      nodes.push(node);
    }
    check(totalBytes === BODY_BYTES - upper, `page ${page}: nodes of ${totalBytes} bytes`);
    return nodes;
  }

  #visitEntry(
    page: number,
    bytes: Buffer,
    node: number,
    low: Buffer | undefined,
    high: Buffer | undefined,
  ): void {
    const { compare, onEntry } = this.#tree;
    const key = keyOf(bytes, node);
    const isOrdered =
      (low === undefined || compare(key, low) >= 0) &&
      (high === undefined || compare(key, high) < 0) &&
      (this.#lastKey === undefined || compare(this.#lastKey, key) < 0);
    check(isOrdered, `page ${page}: keys out of order`);
    this.#lastKey = key;
    this.#entryCount += 1;
    const fault = onEntry(key, this.#valueOf(page, bytes, node, key.length));
    check(fault === undefined, `page ${page}: ${fault}`);
  }

  #valueOf(page: number, bytes: Buffer, node: number, keyBytes: number): Buffer {
    const valueBytes = valueBytesOf(bytes, node);
    const at = node + NODE_BYTES + keyBytes;
    const flags = bytes.readUInt16LE(node + 4);
    if (flags === 0) return bytes.subarray(at, at + valueBytes);
    check(flags === NODE_BIG, `page ${page}: a node with flags ${flags}`);
    const pageCount = u64(bytes, at + 16);
    this.#pageCount += pageCount;
    return this.#readBig({
      page: u64(bytes, at),
      txn: u64(bytes, at + 8),
      pageCount,
      bytes: valueBytes,
    });
  }
}

function keyBytesOf(bytes: Buffer, node: number): number {
  return bytes.readUInt16LE(node + 6);
}

function keyOf(bytes: Buffer, node: number): Buffer {
  const start = node + NODE_BYTES;
  return bytes.subarray(start, start + keyBytesOf(bytes, node));
}

function valueBytesOf(bytes: Buffer, node: number): number {
  return bytes.readUInt32LE(node);
}

function inlineBytesOf(bytes: Buffer, node: number, isLeaf: boolean): number {
  if (!isLeaf) return 0;
  return bytes.readUInt16LE(node + 4) === NODE_BIG ? BIG_BYTES : valueBytesOf(bytes, node);
}

function childOf(bytes: Buffer, node: number): number {
  return bytes.readUInt32LE(node) + bytes.readUInt16LE(node + 4) * 2 ** 32;
}

import { compressSync, uncompressSync } from "snappy";

import { decompressedTooLarge } from "./decompression-bound.ts";
import { RopewalkError } from "./ropewalk-error.ts";

/*
 * Kafka's Java client frames snappy as the library "xerial" does; some other clients write one raw block.
 *
 *   | 82 'S' 'N' 'A' 'P' 'P' 'Y' 0 | version u32 | oldest reader u32 | (length u32 | raw block)* |
 *
 * A raw block begins with its decompressed length as a varint, which makes it cheap to bound.
 */
const magic: Buffer = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const headerBytes = 16;
const version = 1;

/** How much goes into one block; Java's readers take any size. */
const blockBytes = 64 * 1024;

/** Compresses with xerial framing. */
export function compressXerial(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [xerialHeader()];
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const block = compressSync(bytes.subarray(start, start + blockBytes));
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(block.length);
    pieces.push(length, block);
  }
  return Buffer.concat(pieces);
}

function xerialHeader(): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  magic.copy(header);
  header.writeUInt32BE(version, magic.length);
  header.writeUInt32BE(version, magic.length + 4);
  return header;
}

/** Decompresses xerial framing or one raw block, up to `bytesMax`. */
export function decompressSnappy(bytes: Uint8Array, bytesMax: number): Buffer {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const isFramed = input.length >= headerBytes && input.subarray(0, magic.length).equals(magic);
  return isFramed ? decompressXerial(input, bytesMax) : decompressBlock(input, bytesMax);
}

function decompressXerial(input: Buffer, bytesMax: number): Buffer {
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = headerBytes; at < input.length;) {
    const start = at + 4;
    const end = start <= input.length ? start + input.readUInt32BE(at) : Infinity;
    if (end > input.length) throw corrupt(`the block at ${at} ends beyond ${input.length}`);
    if (end === start) throw corrupt(`the block at ${at} is empty`);
    const block = decompressBlock(input.subarray(start, end), bytesMax - total);
    total += block.length;
    blocks.push(block);
    at = end;
  }
  return blocks.length === 1 && blocks[0] !== undefined ? blocks[0] : Buffer.concat(blocks, total);
}

function decompressBlock(block: Buffer, bytesMax: number): Buffer {
  if (decompressedLength(block) > bytesMax) throw decompressedTooLarge("snappy", bytesMax);
  const output = uncompressSync(block, { asBuffer: true });
  if (typeof output === "string") throw new TypeError("snappy answered text");
  return output;
}

function decompressedLength(block: Buffer): number {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = block[at];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 0x80 ** at;
    if (byte < 0x80) return length;
  }
  throw corrupt("a block without its length");
}

function corrupt(reason: string): RopewalkError {
  return new RopewalkError("CORRUPT_MESSAGE", `Cannot decompress snappy: ${reason}`);
}

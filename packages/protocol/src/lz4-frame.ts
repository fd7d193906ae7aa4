import { decompressedTooLarge } from "./decompression-bound.ts";
import { RopewalkError } from "./ropewalk-error.ts";

/*
 * The LZ4 frame format, read. Numbers are little-endian.
 *
 *   | magic 184D2204 | FLG | BD | content size u64? | dictionary id u32? | header checksum |
 *   ( block size u32, top bit: stored as is | block | block checksum u32? )*
 *   | 0 u32 | content checksum u32? |
 *
 * The checksums are not verified: a record batch has its own over all of this. Decoded here rather than
 * natively because the native decoder takes no bound on its output.
 */
const frameMagic = 0x184d2204;
const flags = {
  version: 0xc0,
  blockChecksum: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  dictionary: 0x01,
};
const versionOne = 0x40;
const storedBit = 0x80000000;

/** The largest block by the number in the BD byte; smaller numbers are reserved. */
const blockBytesMaxByCode: readonly (number | undefined)[] = [
  undefined,
  undefined,
  undefined,
  undefined,
  64 * 1024,
  256 * 1024,
  1024 * 1024,
  4 * 1024 * 1024,
];

/** Decompresses one frame, whose blocks may refer to those before them, up to `bytesMax`. */
export function decompressLz4Frame(bytes: Uint8Array, bytesMax: number): Buffer {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const { blockBytesMax, blocksStart, hasBlockChecksum } = readFrameHeader(input);
  const output = new Lz4Output(bytesMax);
  for (let at = blocksStart; ;) {
    const size = uint32At(input, at);
    if (size === 0) return output.finish();
    const start = at + 4;
    const end = start + (size & ~storedBit);
    if (end > input.length) throw corrupt(`the block at ${at} ends beyond ${input.length}`);
    output.reserve(Math.min(blockBytesMax, lz4BytesMax(end - start)));
    if (size >= storedBit) output.literals(input, start, end);
    else decompressBlock(input, start, end, output);
    at = hasBlockChecksum ? end + 4 : end;
  }
}

/** A byte of input stands for at most 255 of output. */
function lz4BytesMax(compressedBytes: number): number {
  return compressedBytes * 255;
}

interface Lz4FrameHeader {
  readonly blockBytesMax: number;
  readonly blocksStart: number;
  readonly hasBlockChecksum: boolean;
}

function readFrameHeader(input: Buffer): Lz4FrameHeader {
  if (uint32At(input, 0) !== frameMagic) throw corrupt("no frame begins here");
  const flag = input[4] ?? 0;
  if ((flag & flags.version) !== versionOne) throw corrupt(`a frame of another version (${flag})`);
  if ((flag & flags.dictionary) !== 0) throw corrupt("the frame needs a dictionary");
  const blockBytesMax = blockBytesMaxByCode[((input[5] ?? 0) >>> 4) & 7];
  if (blockBytesMax === undefined) throw corrupt("the frame has no block size");
  const contentSizeBytes = (flag & flags.contentSize) === 0 ? 0 : 8;
  return {
    blockBytesMax,
    blocksStart: 4 + 2 + contentSizeBytes + 1,
    hasBlockChecksum: (flag & flags.blockChecksum) !== 0,
  };
}

/**
 * A block is a row of sequences: a token with two lengths of four bits, more bytes of the first length,
 * so many literals, an offset back into the output, more bytes of the second length. The last sequence
 * ends after its literals.
 */
function decompressBlock(input: Buffer, start: number, end: number, output: Lz4Output): void {
  let at = start;
  while (at < end) {
    const token = input[at++] as number;
    let literalBytes = token >>> 4;
    if (literalBytes === 15) {
      let more = 255;
      while (more === 255 && at < end) literalBytes += more = input[at++] as number;
    }
    if (literalBytes > end - at)
      throw corrupt(`${literalBytes} literals at ${at} pass the end at ${end}`);
    output.literals(input, at, at + literalBytes);
    at += literalBytes;
    if (at === end) return;

    if (end - at < 2) throw corrupt(`no offset at ${at}`);
    const distance = input.readUInt16LE(at);
    at += 2;
    let matchBytes = (token & 15) + 4;
    if (matchBytes === 19) {
      let more = 255;
      while (more === 255 && at < end) matchBytes += more = input[at++] as number;
    }
    output.match(distance, matchBytes);
  }
}

/** Below this many bytes a loop is faster than a call that copies. */
const copyCallBytesMin = 32;

/** What was decompressed so far, in a buffer that grows up to a bound. */
class Lz4Output {
  readonly #bytesMax: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Prepares for a block of up to so many bytes. */
  reserve(moreBytes: number): void {
    const needed = Math.min(this.#length + moreBytes, this.#bytesMax);
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(
      Math.min(Math.max(needed, this.#bytes.length * 2), this.#bytesMax),
    );
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }

  literals(input: Buffer, start: number, end: number): void {
    const length = this.#advance(end - start);
    if (end - start >= copyCallBytesMin) input.copy(this.#bytes, length, start, end);
    else
      for (let at = start; at < end; at++) this.#bytes[length + at - start] = input[at] as number;
  }

  /** Repeats what lies `distance` back; the two may overlap, which repeats a pattern. */
  match(distance: number, matchBytes: number): void {
    const to = this.#advance(matchBytes);
    const from = to - distance;
    if (distance === 0 || from < 0)
      throw corrupt(`a match ${distance} bytes back, after ${to} bytes`);
    const bytes = this.#bytes;
    if (distance >= matchBytes && matchBytes >= copyCallBytesMin) {
      bytes.copyWithin(to, from, from + matchBytes);
      return;
    }
    for (let at = 0; at < matchBytes; at++) bytes[to + at] = bytes[from + at] as number;
  }

  /** Makes room for more bytes and answers where they go. */
  #advance(moreBytes: number): number {
    const at = this.#length;
    this.#length = at + moreBytes;
    if (this.#length > this.#bytesMax) throw decompressedTooLarge("lz4", this.#bytesMax);
    if (this.#length > this.#bytes.length) throw corrupt("a block is larger than its frame allows");
    return at;
  }
}

function uint32At(input: Buffer, at: number): number {
  if (at + 4 > input.length) throw corrupt(`the frame breaks off at ${input.length}`);
  return input.readUInt32LE(at);
}

function corrupt(reason: string): RopewalkError {
  return new RopewalkError("CORRUPT_MESSAGE", `Cannot decompress lz4: ${reason}`);
}

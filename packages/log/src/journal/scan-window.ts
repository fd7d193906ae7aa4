import type { JournalFile } from "./journal-file.ts";

const windowBytes = 1024 * 1024;
const zeroBlock = Buffer.alloc(4096);

/** Reads one file from front to back in large pieces. What it answers is valid until the next call. */
export class ScanWindow {
  readonly sizeBytes: number;
  readonly #file: JournalFile;
  #bytes: Buffer<ArrayBuffer>;
  #start = 0;
  #length = 0;

  constructor(file: JournalFile, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
    this.#bytes = Buffer.allocUnsafe(Math.min(windowBytes, sizeBytes));
  }

  /** The bytes [position, position + length), or what the file has of them. */
  async bytesAt(position: number, length: number): Promise<Buffer> {
    const available = Math.max(0, Math.min(length, this.sizeBytes - position));
    if (position < this.#start || position + available > this.#start + this.#length) {
      await this.#load(position, available);
    }
    const at = position - this.#start;
    return this.#bytes.subarray(at, Math.min(at + available, this.#length));
  }

  /** Up to a window of bytes from `position` on: as many as are at hand, at least `lengthMin` unless the file ends. */
  async someAt(position: number, lengthMin: number): Promise<Buffer> {
    const bytes = await this.bytesAt(position, lengthMin);
    if (bytes.length === 0) return bytes;
    return this.#bytes.subarray(position - this.#start, this.#length);
  }

  async #load(position: number, lengthMin: number): Promise<void> {
    if (lengthMin > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(lengthMin);
    const length = Math.max(0, Math.min(this.#bytes.length, this.sizeBytes - position));
    this.#start = position;
    this.#length = await readable(this.#file, position, this.#bytes.subarray(0, length));
  }
}

/**
 * Reads what the disk gives; what it does not give any more is zeros, which are no records: it costs those whose
 * they were, and not all.
 */
async function readable(file: JournalFile, position: number, target: Buffer): Promise<number> {
  try {
    return await file.read(position, target);
  } catch {
    target.fill(0);
    for (let at = 0; at < target.length; at += zeroBlock.length) {
      const piece = target.subarray(at, at + zeroBlock.length);
      await file.read(position + at, piece).catch(() => piece.fill(0));
    }
    return target.length;
  }
}

/** The position after the last byte in [start, end) that is not zero; `start` when there is none. */
export async function nonZeroEnd(
  window: ScanWindow,
  start: number,
  end: number = window.sizeBytes,
): Promise<number> {
  let last = start;
  for (let at = start; at < end; at += zeroBlock.length) {
    const block = await window.bytesAt(at, Math.min(zeroBlock.length, end - at));
    if (block.length === 0) break;
    if (!block.equals(zeroBlock.subarray(0, block.length))) last = at + lastNonZero(block) + 1;
  }
  return last;
}

function lastNonZero(block: Buffer): number {
  let at = block.length - 1;
  while (at >= 0 && block[at] === 0) at--;
  return at;
}

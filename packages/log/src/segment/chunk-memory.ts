import { type Chunk, chunkBytes, chunkDataBytesMax } from "./segment-chunk.ts";

/** Room for a whole chunk of many entries. A longer one, of one large entry, gets memory of its own. */
const pieceBytes = chunkDataBytesMax + 64 * 1024;

/** Smaller chunks would waste most of a piece. */
const pooledBytesMin = pieceBytes / 2;

/** Pieces that wait to be used again. */
const freePiecesMax = 16;

/** A chunk in memory, and who looks at it. */
export interface HeldChunk {
  readonly chunk: Chunk;
  /** Where it was read to. */
  readonly memory: Buffer;
  /** Readers that will say when they are done; `Infinity` once one of them will not. */
  readers: number;
  isCached: boolean;
}

/**
 * Memory for chunks, used again as soon as nobody looks at what is in it: a fresh mebibyte for each costs more than
 * reading and verifying it, and has the garbage collector run all the time. A reader that never says that it is done
 * keeps its piece from being used again, nothing else: the collector takes it.
 */
export class ChunkMemory {
  readonly #free: Buffer[] = [];
  readonly #borrowed = new WeakMap<readonly Uint8Array[], HeldChunk>();

  /** Memory of at least so many bytes. */
  take(bytes: number): Buffer {
    if (bytes < pooledBytesMin || bytes > pieceBytes) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
  }

  /** A chunk whose reader looks at it for as long as it likes. */
  kept(held: HeldChunk): Chunk {
    held.readers = Infinity;
    return held.chunk;
  }

  /** Slices of a chunk that are lent until `giveBack`. */
  lend(held: HeldChunk, slices: readonly Uint8Array[]): void {
    held.readers++;
    this.#borrowed.set(slices, held);
  }

  /** Their reader is done with these slices. What was not lent, or was given back already, is passed over. */
  giveBack(slices: readonly Uint8Array[]): void {
    const held = this.#borrowed.get(slices);
    if (held === undefined) return;
    this.#borrowed.delete(slices);
    held.readers--;
    this.#freeUnused(held);
  }

  /** A chunk is kept in memory no longer, but for its readers. */
  uncached(held: HeldChunk): void {
    held.isCached = false;
    this.#freeUnused(held);
  }

  #freeUnused({ isCached, memory, readers }: HeldChunk): void {
    const isFree = !isCached && readers === 0 && memory.length === pieceBytes;
    if (isFree && this.#free.length < freePiecesMax) this.#free.push(memory);
  }
}

/** What a chunk in memory takes. */
export function heldBytes({ chunk, memory }: HeldChunk): number {
  return Math.max(chunkBytes(chunk.header), memory.length);
}

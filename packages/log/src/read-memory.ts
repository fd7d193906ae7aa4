/** One piece: a whole chunk of a segment, or an answer of that size. What is larger gets memory of its own. */
const pieceBytes = 1024 * 1024 + 64 * 1024;

/** What is smaller would waste most of a piece. */
const pooledBytesMin = pieceBytes / 2;

/** Pieces that wait to be used again. */
const freePiecesMax = 16;

/** Memory that something was read to, and who looks at it. */
export interface HeldMemory {
  readonly memory: Buffer;
  /** Readers that will say when they are done; `Infinity` once one of them will not. */
  readers: number;
  isCached: boolean;
}

/**
 * Memory for what is read from disk, used again as soon as nobody looks at it: a fresh mebibyte for each read costs
 * more than reading and verifying it, and has the garbage collector run all the time. A reader that never says that it
 * is done keeps its piece from being used again, nothing else: the collector takes it.
 */
export class ReadMemory {
  readonly #free: Buffer[] = [];
  readonly #borrowed = new WeakMap<readonly Uint8Array[], HeldMemory>();

  /** Memory of at least so many bytes. */
  take(bytes: number): Buffer {
    return this.takePiece(bytes) ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** A piece that will be used again; `undefined` where that many bytes are better off with memory of their own. */
  takePiece(bytes: number): Buffer | undefined {
    if (bytes < pooledBytesMin || bytes > pieceBytes) return undefined;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
  }

  /** Slices of what was read are lent until `giveBack`. */
  lend(held: HeldMemory, slices: readonly Uint8Array[]): void {
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

  /** What was read is kept in memory no longer, but for its readers. */
  uncached(held: HeldMemory): void {
    held.isCached = false;
    this.#freeUnused(held);
  }

  #freeUnused({ isCached, memory, readers }: HeldMemory): void {
    const isFree = !isCached && readers === 0 && memory.length === pieceBytes;
    if (isFree && this.#free.length < freePiecesMax) this.#free.push(memory);
  }
}

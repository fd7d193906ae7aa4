const pageBytes = 4096;
const slabBytesMax = 64 * 1024;
const zeros = Buffer.alloc(1024 * 1024);

/** A copy, made in one piece; nothing is copied where there are only zeros, of which one piece serves all. */
export function copyOf(buffers: readonly Uint8Array[]): Uint8Array {
  const [first] = buffers;
  return first !== undefined && buffers.length === 1 && isZeros(first)
    ? zeros.subarray(0, first.length)
    : Buffer.concat(buffers);
}

function isZeros(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0 || bytes.length > zeros.length) return false;
  return zeros.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

/**
 * Bytes that grow without being copied: pages by their number, cut from slabs that double. A page of which
 * nobody wrote anything but zeros takes no memory.
 */
export class PagedBytes {
  readonly #pages: (Uint8Array | undefined)[] = [];
  #slab = new Uint8Array(0);
  #slabUsed = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies what begins at `position` to `target`; answers how many bytes there were. */
  read(position: number, target: Uint8Array): number {
    const count = Math.max(0, Math.min(target.length, this.#length - position));
    for (let at = 0; at < count;) {
      const within = (position + at) % pageBytes;
      const bytes = Math.min(pageBytes - within, count - at);
      const page = this.#pages[Math.floor((position + at) / pageBytes)];
      if (page === undefined) target.fill(0, at, at + bytes);
      else target.set(page.subarray(within, within + bytes), at);
      at += bytes;
    }
    return count;
  }

  write(position: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const within = (position + at) % pageBytes;
      const end = Math.min(bytes.length, at + pageBytes - within);
      const piece = at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end);
      this.#writePage(Math.floor((position + at) / pageBytes), within, piece);
      at = end;
    }
    this.#length = Math.max(this.#length, position + bytes.length);
  }

  /** Cuts, or grows by zeros. */
  truncate(length: number): void {
    if (length < this.#length) {
      this.#pages[Math.floor(length / pageBytes)]?.fill(0, length % pageBytes);
      this.#pages.length = Math.min(this.#pages.length, Math.ceil(length / pageBytes));
    }
    this.#length = length;
  }

  /** A copy of everything. */
  slice(): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.#length);
    this.read(0, copy);
    return copy;
  }

  #writePage(number: number, within: number, piece: Uint8Array): void {
    const page = this.#pages[number];
    if (page === undefined && isZeros(piece)) return;
    while (this.#pages.length < number) this.#pages.push(undefined);
    (page ?? (this.#pages[number] = this.#newPage())).set(piece, within);
  }

  #newPage(): Uint8Array {
    if (this.#slabUsed === this.#slab.length) {
      const bytes = Math.max(pageBytes, Math.min(2 * this.#slab.length, slabBytesMax));
      this.#slab = new Uint8Array(bytes);
      this.#slabUsed = 0;
    }
    this.#slabUsed += pageBytes;
    return this.#slab.subarray(this.#slabUsed - pageBytes, this.#slabUsed);
  }
}

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { errnoOf } from "./errno.ts";

/** The part of the global that is needed; the language's types know no such one. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
    readonly buffer: ArrayBuffer;
  };
};

/** What addresses, positions and lengths of uncached writes must be multiples of. */
const blockBytes = 4096;

const wasmPageBytes = 65_536;

/** One uncached write; larger ones go through the system's cache. */
const writeBytesMax = 2 * 1024 * 1024;

/** Buffers that wait to be used again: as many as there are threads to write them. */
const keptBuffersMax = 4;

const kept: Uint8Array[] = [];

/** Memory that begins at a page: that of WebAssembly does, and nothing else here promises to. */
function takeBuffer(): Uint8Array {
  const initial = writeBytesMax / wasmPageBytes;
  return kept.pop() ?? new Uint8Array(new WebAssembly.Memory({ initial, maximum: initial }).buffer);
}

function giveBack(buffer: Uint8Array): void {
  if (kept.length < keptBuffersMax) kept.push(buffer);
}

/**
 * Writes past the system's cache (O_DIRECT), from one buffer that is used again and again: for what nobody will
 * read soon. Pages for it would push out what is read, and on a virtual machine fresh ones cost more than the
 * write.
 */
export class DirectWriter {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** For a file that exists; `undefined` where the system or the file system cannot do it. */
  static async open(path: string): Promise<DirectWriter | undefined> {
    const { O_DIRECT, O_RDWR } = constants;
    if (O_DIRECT === undefined) return undefined;
    try {
      return new DirectWriter(await open(path, O_RDWR | O_DIRECT));
    } catch (error) {
      if (errnoOf(error) === "EINVAL") return undefined;
      throw error;
    }
  }

  /** Whether a write of so many bytes there can go past the cache. */
  takes(position: number, bytes: number): boolean {
    return position % blockBytes === 0 && bytes % blockBytes === 0 && bytes <= writeBytesMax;
  }

  /** Writes; answers how many bytes the system took. */
  async write(position: number, buffers: readonly Uint8Array[], bytes: number): Promise<number> {
    const aligned = takeBuffer();
    let at = 0;
    for (const buffer of buffers) {
      aligned.set(buffer, at);
      at += buffer.byteLength;
    }
    try {
      const { bytesWritten } = await this.#handle.write(aligned, 0, bytes, position);
      return bytesWritten;
    } finally {
      giveBack(aligned);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

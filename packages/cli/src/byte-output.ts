import assert from "node:assert";
import type { Writable } from "node:stream";

import { writeTo } from "./stream-write.ts";

/** How much is gathered before it is written; the buffer grows past it for a larger piece. */
const BUFFER_BYTES = 256 * 1024;

const NEWLINE = 0x0a;

/**
 * Gathers small pieces of output into large writes. Appending only copies; `flush` writes and waits
 * until the bytes were taken, so that a slow reader slows the caller down.
 */
export class ByteOutput {
  readonly #stream: Writable;
  #buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #usedBytes = 0;
  #failure: Error | undefined;
  #flushing = false;

  constructor(stream: Writable) {
    this.#stream = stream;
    // What a failed write tells its callback, the stream tells everybody as well: once is enough.
    stream.on("error", () => {});
  }

  /** Whether enough was gathered for a large write: call `flush` before appending more. */
  get isFull(): boolean {
    return this.#usedBytes >= BUFFER_BYTES / 2;
  }

  /** Appends a copy of the bytes. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#usedBytes);
    this.#usedBytes += bytes.length;
  }

  /** Appends text as UTF-8. */
  appendText(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    this.#reserve(text.length * 3);
    this.#usedBytes += this.#buffer.write(text, this.#usedBytes);
  }

  /** Appends the end of a line. */
  appendNewline(): void {
    this.#reserve(1);
    this.#buffer[this.#usedBytes] = NEWLINE;
    this.#usedBytes += 1;
  }

  /**
   * Writes what was gathered. Nothing may be appended meanwhile. Rejects as {@link writeTo} does, and
   * with the same error ever after.
   */
  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#usedBytes === 0) return;
    this.#flushing = true;
    await this.#write(this.#buffer.subarray(0, this.#usedBytes));
    this.#flushing = false;
    this.#usedBytes = 0;
    if (this.#buffer.length > BUFFER_BYTES) this.#buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await writeTo(this.#stream, bytes);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw this.#failure;
    }
  }

  #reserve(bytesCount: number): void {
    assert(!this.#flushing, "output was appended while a flush was going on");
    const neededBytes = this.#usedBytes + bytesCount;
    if (neededBytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(neededBytes, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#usedBytes));
    this.#buffer = larger;
  }
}

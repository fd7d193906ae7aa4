import assert from "node:assert";
import type { Writable } from "node:stream";

/** How much is gathered before it is written; the buffer grows past it for a larger piece. */
const BUFFER_BYTES = 256 * 1024;

const NEWLINE = 0x0a;

/** The reader of our output went away: there is nobody left to write for. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError";
}

/**
 * Gathers small pieces of output into large writes. Appending only copies; `flush` writes and waits
 * until the bytes were taken, so that a slow reader slows the caller down.
 */
export class ByteOutput {
  readonly #stream: Writable;
  #buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #usedBytes = 0;
  #closed = false;
  #flushing = false;

  constructor(stream: Writable) {
    this.#stream = stream;
    // What a failed write tells its callback, the stream tells everybody as well.
    stream.on("error", () => {
      this.#closed = true;
    });
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

  /** Writes what was gathered. Nothing may be appended meanwhile. Rejects with {@link OutputClosedError}. */
  async flush(): Promise<void> {
    if (this.#closed) throw new OutputClosedError("the output was closed");
    if (this.#usedBytes === 0) return;
    this.#flushing = true;
    await this.#write(this.#buffer.subarray(0, this.#usedBytes));
    this.#flushing = false;
    this.#usedBytes = 0;
    if (this.#buffer.length > BUFFER_BYTES) this.#buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  }

  #write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(bytes, (error) => {
        if (error === undefined || error === null) resolve();
        else
          reject(
            isClosed(error)
              ? new OutputClosedError("the output was closed", { cause: error })
              : error,
          );
      });
    });
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

function isClosed(error: Error & { code?: unknown }): boolean {
  return (
    error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED" || error.code === "ECONNRESET"
  );
}

import assert from "node:assert";

const NEWLINE = 0x0a;

/** A line grew past the bound before its newline came. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";
  /** Which line, counted from 1. */
  readonly lineNumber: number;

  constructor(lineNumber: number, lineBytesMax: number) {
    super(`line ${lineNumber} is longer than ${lineBytesMax} bytes`);
    this.lineNumber = lineNumber;
  }
}

/**
 * Cuts a stream of byte chunks into lines at `\n`, and at nothing else: a `\r`, a zero byte or bytes
 * that are no text stay what they are. The newline is not part of the line.
 *
 * Lines are pulled, so that the caller may stop in the middle of a chunk while its sink is full:
 *
 *     splitter.push(chunk);
 *     for (let line = splitter.next(); line !== undefined; line = splitter.next()) …
 *
 * A line is a view of its chunk where it lies in one, and a copy otherwise: it stays valid for as
 * long as the chunk does.
 */
export class LineSplitter {
  readonly #lineBytesMax: number;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;
  /** The beginning of a line whose newline is still to come, in the order of the chunks. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #lineCount = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Lines answered so far. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** Gives the next chunk, which must stay unchanged while its lines are used. The one before must be used up. */
  push(chunk: Uint8Array): void {
    assert(
      this.#position === this.#chunk.length,
      "a chunk was pushed before the last one was used up",
    );
    this.#chunk = chunk;
    this.#position = 0;
  }

  /** The next whole line; `undefined` when the next chunk is needed. Throws {@link LineTooLongError}. */
  next(): Uint8Array | undefined {
    const start = this.#position;
    const end = this.#chunk.indexOf(NEWLINE, start);
    if (end === -1) {
      this.#keep(this.#chunk.subarray(start));
      this.#position = this.#chunk.length;
      return undefined;
    }
    this.#position = end + 1;
    return this.#finishLine(this.#chunk.subarray(start, end));
  }

  /** What follows the last newline, once the stream is over; `undefined` when nothing does. */
  last(): Uint8Array | undefined {
    assert(
      this.#position === this.#chunk.length,
      "the last line was asked for before the chunk was used up",
    );
    return this.#piecesBytes === 0 ? undefined : this.#finishLine(new Uint8Array(0));
  }

  #keep(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#checkLength(this.#piecesBytes + piece.length);
    this.#pieces.push(piece);
    this.#piecesBytes += piece.length;
  }

  #finishLine(ending: Uint8Array): Uint8Array {
    this.#checkLength(this.#piecesBytes + ending.length);
    this.#lineCount += 1;
    if (this.#piecesBytes === 0) return ending;
    const line = Buffer.concat([...this.#pieces, ending], this.#piecesBytes + ending.length);
    this.#pieces = [];
    this.#piecesBytes = 0;
    return line;
  }

  #checkLength(lineBytes: number): void {
    if (lineBytes > this.#lineBytesMax)
      throw new LineTooLongError(this.#lineCount + 1, this.#lineBytesMax);
  }
}

import { RopewalkError } from "./ropewalk-error.ts";

const uint32Values = 0x1_0000_0000;

/**
 * Reads what `ByteWriter` wrote. Every read is checked against the end: bytes that are missing or
 * out of range throw a `RopewalkError` with the code `CORRUPT_MESSAGE`, whatever the input is.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #position: number;

  /** Reads `bytes[start, end)`. Slices that the reader gives out share this memory. */
  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    if (start < 0 || end > bytes.length || start > end) {
      throw new RangeError(`reader over [${start}, ${end}) of ${bytes.length} bytes`);
    }
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#position = start;
    this.#end = end;
  }

  /** Where the next read begins, counted from the beginning of `bytes`. */
  get position(): number {
    return this.#position;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#end - this.#position;
  }

  /** Throws unless everything was read: a longer message than expected is damage, too. */
  expectEnd(): void {
    if (this.remaining !== 0)
      throw corrupt(`${this.remaining} bytes follow the end of the message`);
  }

  bool(): boolean {
    const value = this.uint8();
    if (value > 1) throw corrupt(`${value} at position ${this.#position - 1} is no boolean`);
    return value === 1;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  int8(): number {
    return this.#bytes.readInt8(this.#advance(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }

  /** Eight bytes; a value that is no safe integer counts as damage. */
  int64(): number {
    const at = this.#advance(8);
    const value = this.#bytes.readInt32BE(at) * uint32Values + this.#bytes.readUInt32BE(at + 4);
    if (!Number.isSafeInteger(value))
      throw corrupt(`the int64 at position ${at} is not a safe integer`);
    return value;
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.#advance(8));
  }

  /** Seven bits a byte, the lowest first, eight bytes at most; the result is a safe integer. */
  uvarint(): number {
    const start = this.#position;
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.uint8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 0x80;
    }
    throw corrupt(`the uvarint at position ${start} is not a safe integer`);
  }

  /** The next `length` bytes: a slice of the input, not a copy. */
  raw(length: number): Buffer {
    if (!Number.isSafeInteger(length) || length < 0) throw new RangeError(`raw(${length})`);
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A length as uvarint, then that many bytes: a slice of the input, not a copy. */
  bytes(): Buffer {
    return this.raw(this.uvarint());
  }

  /** A length as uvarint, then that much UTF-8; what is not UTF-8 is read as U+FFFD. */
  string(): string {
    const length = this.uvarint();
    const at = this.#advance(length);
    return this.#bytes.toString("utf8", at, at + length);
  }

  #advance(length: number): number {
    const at = this.#position;
    if (length > this.#end - at) {
      throw corrupt(
        `cannot read ${length} bytes at position ${at}: the message ends at ${this.#end}`,
      );
    }
    this.#position = at + length;
    return at;
  }
}

function corrupt(message: string): RopewalkError {
  return new RopewalkError("CORRUPT_MESSAGE", message);
}

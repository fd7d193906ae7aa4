import assert from "node:assert/strict";

const uint32Values = 0x1_0000_0000;

/**
 * Writes big-endian values into a buffer that grows. Numbers out of range are programmer errors and
 * throw. For internal commands, frames between brokers and file formats; read back with `ByteReader`.
 */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  /** @param capacityBytes what to reserve at first; the writer grows beyond it as needed. */
  constructor(capacityBytes: number = 256) {
    this.#bytes = Buffer.allocUnsafe(Math.max(capacityBytes, 16));
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#length;
  }

  /**
   * What was written: a slice of the writer's own memory, not a copy. It stays what it is for as long
   * as nothing is written after `clear()` or with `patchUint32()`.
   */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets what was written and keeps the memory: slices that `finish()` gave out are overwritten. */
  clear(): this {
    this.#length = 0;
    return this;
  }

  bool(value: boolean): this {
    return this.uint8(value ? 1 : 0);
  }

  uint8(value: number): this {
    const at = this.#advance(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  int8(value: number): this {
    const at = this.#advance(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  uint16(value: number): this {
    const at = this.#advance(2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.#advance(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  uint32(value: number): this {
    const at = this.#advance(4);
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#advance(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  /** Eight bytes; the value is a safe integer. */
  int64(value: number): this {
    if (!Number.isSafeInteger(value)) assert.fail(`int64 of ${value}: not a safe integer`);
    const at = this.#advance(8);
    this.#bytes.writeInt32BE(Math.floor(value / uint32Values), at);
    this.#bytes.writeUInt32BE(value >>> 0, at + 4);
    return this;
  }

  float64(value: number): this {
    const at = this.#advance(8);
    this.#bytes.writeDoubleBE(value, at);
    return this;
  }

  /** Seven bits a byte, the lowest first; the value is a safe integer that is not negative. */
  uvarint(value: number): this {
    // The message is made where it is needed only: making it took longer than writing the number.
    const isNatural = Number.isSafeInteger(value) && value >= 0;
    if (!isNatural) assert.fail(`uvarint of ${value}: not a natural number`);
    let at = this.#advance(8) - 1;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[++at] = (rest % 0x80) | 0x80;
    this.#bytes[++at] = rest;
    this.#length = at + 1;
    return this;
  }

  /** `bytes` alone, without a length. */
  raw(bytes: Uint8Array): this {
    const at = this.#advance(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** The length as uvarint, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.uvarint(bytes.length).raw(bytes);
  }

  /** The length in UTF-8 bytes as uvarint, then the text. */
  string(text: string): this {
    const textBytes = Buffer.byteLength(text);
    this.uvarint(textBytes);
    const at = this.#advance(textBytes);
    this.#bytes.write(text, at);
    return this;
  }

  /** Overwrites four bytes that were written before, at `position`: for lengths known afterwards. */
  patchUint32(position: number, value: number): this {
    const isWritten = position >= 0 && position + 4 <= this.#length;
    if (!isWritten) assert.fail(`patch at ${position} of ${this.#length}`);
    this.#bytes.writeUInt32BE(value, position);
    return this;
  }

  /** Makes room for `bytesMax` more bytes, counts them as written, and answers where they begin. */
  #advance(bytesMax: number): number {
    const at = this.#length;
    this.#length = at + bytesMax;
    if (this.#length > this.#bytes.length) this.#grow(at);
    return at;
  }

  #grow(usedBytes: number): void {
    const grown = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, usedBytes);
    this.#bytes = grown;
  }
}

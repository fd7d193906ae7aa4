/*
 * The numbers inside of a record: zig-zag (0, -1, 1, -2, … become 0, 1, 2, 3, …), then seven bits a
 * byte, the lowest first. Timestamps deltas have 64 bits in the format; here they are safe integers.
 */

/** The most bytes that a 32-bit number takes. */
export const varint32BytesMax = 5;

/** The most bytes that a safe integer takes. */
export const varint64BytesMax = 8;

/** How many bytes `writeVarint` writes for `value`. */
export function varintBytes(value: number): number {
  let rest = zigZag(value);
  let count = 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

/** Writes `value` at `at` and answers where it ends. There must be room. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = zigZag(value);
  let end = at;
  // Bit operations work on 32 bits only; hardly a value has more.
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 0x80)) bytes[end++] = (rest % 0x80) | 0x80;
  for (; rest >= 0x80; rest >>>= 7) bytes[end++] = (rest & 0x7f) | 0x80;
  bytes[end++] = rest;
  return end;
}

function zigZag(value: number): number {
  return value >= 0 ? value * 2 : value * -2 - 1;
}

/** What `RecordCursor` reads numbers with: a position that moves on, and an end that it never passes. */
export class VarintReader {
  bytes: Uint8Array;
  position: number;
  end: number;

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** The next number; `undefined` where it has no end or is not a safe integer. */
  read(): number | undefined {
    const first = this.position < this.end ? (this.bytes[this.position] as number) : 0x80;
    if (first < 0x80) {
      this.position++;
      return first & 1 ? -((first + 1) >>> 1) : first >>> 1;
    }
    return this.#readLong();
  }

  #readLong(): number | undefined {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < varint64BytesMax && this.position < this.end; count++) {
      const byte = this.bytes[this.position++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return unzigZag(value);
      scale *= 0x80;
    }
    return undefined;
  }
}

function unzigZag(value: number): number | undefined {
  if (!Number.isSafeInteger(value)) return undefined;
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

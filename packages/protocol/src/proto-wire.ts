import { Reader, type Writer } from "protobufjs/minimal.js";

import { RopewalkError } from "./ropewalk-error.ts";

/*
 * What the generated codecs share. Readers throw whatever protobufjs throws on bad bytes;
 * `decodeMessage` is the one place that turns it into the error the callers know.
 */

const uint32Values = 0x1_0000_0000;

/** The value of a bytes field that is not there. */
export const emptyBytes: Uint8Array = new Uint8Array(0);

/** Reads one whole message; bad bytes are a `RopewalkError` with the code `INVALID_REQUEST`. */
export function decodeMessage<T>(
  bytes: Uint8Array,
  name: string,
  read: (reader: Reader, end: number) => T,
): T {
  try {
    const reader = Reader.create(bytes);
    return read(reader, reader.len);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot decode ${bytes.length} bytes as ${name}: ${reason}`;
    throw new RopewalkError("INVALID_REQUEST", message, { cause });
  }
}

/** Reads the length of a delimited field and answers where it ends: inside of the message around it. */
export function delimitedEnd(reader: Reader, outerEnd: number): number {
  const length = reader.uint32();
  if (length > outerEnd - reader.pos) {
    throw new RangeError(
      `a field of ${length} bytes at ${reader.pos} passes the end at ${outerEnd}`,
    );
  }
  return reader.pos + length;
}

/** Throws where a field reached beyond the message around it. */
export function expectEnd(reader: Reader, end: number): void {
  if (reader.pos !== end) throw new RangeError(`a field passes the end at ${end}`);
}

/** Skips a field that this version does not know. */
export function skipField(reader: Reader, tag: number): void {
  reader.skipType(tag & 7, 0, tag >>> 3);
}

/**
 * Reads a signed 64-bit varint; it must be a safe integer. protobufjs would make an object of it; numbers
 * in three parts of 28, 28 and 8 bits do not.
 */
export function readInt64(reader: Reader): number {
  const start = reader.pos;
  let low = 0;
  let middle = 0;
  let high = 0;
  for (let count = 0; count < 10; count++) {
    if (reader.pos >= reader.len) throw new RangeError(`the varint at ${start} has no end`);
    const byte = reader.buf[reader.pos++] as number;
    if (count < 4) low |= (byte & 0x7f) << (7 * count);
    else if (count < 8) middle |= (byte & 0x7f) << (7 * (count - 4));
    else high |= (byte & 0x7f) << (7 * (count - 8));
    if (byte < 0x80) {
      const value = ((middle >>> 4) | (high << 24)) * uint32Values + ((low | (middle << 28)) >>> 0);
      if (Number.isSafeInteger(value)) return value;
      throw new RangeError(`the 64-bit integer at ${start} is not a safe integer`);
    }
  }
  throw new RangeError(`the varint at ${start} has no end`);
}

/** Writes a signed 64-bit varint. */
export function writeInt64(writer: Writer, value: number): Writer {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`);
  // Most values are small and not negative; their varint is the same as that of a 32-bit number.
  return value >= 0 && value < uint32Values ? writer.uint32(value) : writer.int64(value);
}

/** Writes a signed 32-bit varint. */
export function writeInt32(writer: Writer, value: number): Writer {
  if ((value | 0) !== value) throw new RangeError(`${value} is not a signed 32-bit integer`);
  return writer.int32(value);
}

/** Writes an unsigned 32-bit varint. */
export function writeUint32(writer: Writer, value: number): Writer {
  if (value >>> 0 !== value) throw new RangeError(`${value} is not an unsigned 32-bit integer`);
  return writer.uint32(value);
}

/** The names of an enum by number. */
export function enumNames<Name extends string>(
  numbers: Readonly<Record<Name, number>>,
): ReadonlyMap<number, Name> {
  return new Map(Object.entries<number>(numbers).map(([name, number]) => [number, name as Name]));
}

import { crc32c as nativeCrc32c } from "@node-rs/crc32";

/** Below this many bytes the call into native code costs more than it saves (see `crc32c.bench.ts`). */
const nativeBytesMin = 200;

/** CRC-32C's polynomial, bits reversed. */
const polynomial = 0x82f63b78;

/** `tables[k * 256 + b]`: the CRC of byte `b` followed by `k` zero bytes. */
const tables = slicingTables();

/**
 * The CRC-32C (Castagnoli) of `bytes[start, end)` as an unsigned 32-bit number. Pass the CRC of what
 * comes before as `previous` to checksum something that lies in several pieces.
 */
export function crc32c(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
  previous: number = 0,
): number {
  if (start < 0 || end > bytes.length || start > end) {
    throw new RangeError(`crc32c of [${start}, ${end}) of ${bytes.length} bytes`);
  }
  if (end - start < nativeBytesMin) return crc32cInJavaScript(bytes, start, end, previous);
  const whole = start === 0 && end === bytes.length;
  return nativeCrc32c(whole ? bytes : bytes.subarray(start, end), previous);
}

/** The same in JavaScript, eight bytes a step; exported for the benchmark that chose `nativeBytesMin`. */
export function crc32cInJavaScript(
  bytes: Uint8Array,
  start: number,
  end: number,
  previous: number,
): number {
  let crc = ~previous;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low =
      crc ^
      (byteAt(bytes, at) |
        (byteAt(bytes, at + 1) << 8) |
        (byteAt(bytes, at + 2) << 16) |
        (byteAt(bytes, at + 3) << 24));
    crc =
      entry(7, low & 0xff) ^
      entry(6, (low >>> 8) & 0xff) ^
      entry(5, (low >>> 16) & 0xff) ^
      entry(4, low >>> 24) ^
      entry(3, byteAt(bytes, at + 4)) ^
      entry(2, byteAt(bytes, at + 5)) ^
      entry(1, byteAt(bytes, at + 6)) ^
      entry(0, byteAt(bytes, at + 7));
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ entry(0, (crc ^ byteAt(bytes, at)) & 0xff);
  return ~crc >>> 0;
}

// Both indexes below are in bounds by construction; the cast keeps a check out of the inner loop.
function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function entry(table: number, byte: number): number {
  return tables[(table << 8) | byte] as number;
}

function slicingTables(): Int32Array {
  const built = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    built[byte] = crc;
  }
  for (let at = 256; at < built.length; at++) {
    const shorter = built[at - 256] as number;
    built[at] = (shorter >>> 8) ^ (built[shorter & 0xff] as number);
  }
  return built;
}

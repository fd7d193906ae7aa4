/** CRC-32C's polynomial, bits reversed: x^0 is the highest bit. */
const polynomial = 0x82f63b78;
const one = 0x8000_0000;

/** `powers[k * 256 + b]`: x to the power of eight times `b << 8k`, modulo the polynomial. */
const powers: Uint32Array = powersOfBytes();

/**
 * The CRC-32C of two pieces from those of each: what `first` is the checksum of, followed by the `secondBytes` bytes that
 * `second` is the checksum of. It costs the same whatever the length (see `crc32c-combine.bench.ts`).
 *
 * A checksum is a remainder of polynomials over GF(2): the first one is moved on by the length of what follows, which is
 * a multiplication by a power of x, and added.
 */
export function crc32cCombine(first: number, second: number, secondBytes: number): number {
  let moved = first;
  for (let row = 0, rest = secondBytes; rest > 0; row++, rest = Math.floor(rest / 256)) {
    const power = powers[row * 256 + (rest % 256)] ?? one;
    if (power !== one) moved = product(moved, power);
  }
  return (moved ^ second) >>> 0;
}

/** a · b modulo the polynomial. */
function product(a: number, b: number): number {
  let sum = 0;
  let shifted = b;
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) sum ^= shifted;
    shifted = (shifted & 1) !== 0 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return sum >>> 0;
}

/** For lengths below 2^32. */
function powersOfBytes(): Uint32Array {
  const built = new Uint32Array(4 * 256);
  let step = one >>> 8; // One byte.
  for (let row = 0; row < 4; row++) {
    built[row * 256] = one;
    for (let byte = 1; byte < 256; byte++) {
      built[row * 256 + byte] = product(built[row * 256 + byte - 1] ?? 0, step);
    }
    step = product(built[row * 256 + 255] ?? 0, step);
  }
  return built;
}

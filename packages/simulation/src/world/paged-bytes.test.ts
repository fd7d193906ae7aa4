import { expect, test } from "vitest";
import { PagedBytes } from "./paged-bytes.ts";
import { SeededRandom } from "./seeded-random.ts";

/** What it stands for: one buffer, copied whenever it grows. */
class PlainBytes {
  bytes = new Uint8Array(0);

  write(position: number, bytes: Uint8Array): void {
    this.truncate(Math.max(this.bytes.length, position + bytes.length));
    this.bytes.set(bytes, position);
  }

  truncate(length: number): void {
    const other = new Uint8Array(length);
    other.set(this.bytes.subarray(0, length));
    this.bytes = other;
  }
}

test("PagedBytes holds what one buffer would hold, after a thousand writes and cuts", () => {
  const random = new SeededRandom("pages");
  const [paged, plain] = [new PagedBytes(), new PlainBytes()];
  for (let round = 1; round <= 1000; round++) {
    const position = random.integer(40_000);
    if (random.chance(0.1)) {
      paged.truncate(position);
      plain.truncate(position);
    } else {
      const bytes = new Uint8Array(random.integer(random.chance(0.1) ? 20_000 : 300)).fill(
        random.chance(0.3) ? 0 : round,
      );
      paged.write(position, bytes);
      plain.write(position, bytes);
    }
    expect(Buffer.compare(paged.slice(), plain.bytes), `round ${round}`).toBe(0);
    const [one, other] = [new Uint8Array(5000).fill(9), new Uint8Array(5000).fill(9)];
    const from = random.integer(40_000);
    other.set(plain.bytes.subarray(from, from + 5000));
    const count = paged.read(from, one);
    expect(count).toBe(Math.max(0, Math.min(5000, plain.bytes.length - from)));
    expect(Buffer.compare(one, other)).toBe(0);
  }
});

import { expect, test } from "vitest";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { KeyHasher } from "./key-hash.ts";

/** The secret 00 01 … 0f. */
const secret = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c];

function hashOf(hasher: KeyHasher, key: Uint8Array): string {
  hasher.hash(key);
  return Buffer.from(hasher.words.buffer).toString("hex");
}

// openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:16 SIPHASH
test.each([
  [0, "a3817f04ba25a8e66df67214c7550293"],
  [1, "da87c1d86b99af44347659119b22fc45"],
  [2, "8177228da4a45dc7fca38bdef60affe4"],
  [7, "a1f1ebbed8dbc153c0b84aa61ff08239"],
  [8, "3b62a9ba6258f5610f83e264f31497b4"],
  [9, "264499060ad9baabc47f8b02bb6d71ed"],
  [15, "5493e99933b0a8117e08ec0f97cfc3d9"],
  [16, "6ee2a4ca67b054bbfd3315bf85230577"],
  [31, "2939b0183223fafc1723de4f52c43d35"],
  [255, "1c9bb67528165f8e468248e3799b0eab"],
  [256, "67a00304d3834c4612eaee7b5f579acb"],
  [1000, "24dafa789ae03d86536a4b57372f0ba6"],
] as const)("KeyHasher.hash() of %i bytes is SipHash-2-4-128", (length, expected) => {
  const key = Uint8Array.from({ length }, (_, index) => index);
  const hasher = new KeyHasher(secret);
  expect(hashOf(hasher, key)).toBe(expected);
  // What a slice is cut from does not matter, nor what was hashed before.
  const around = Buffer.concat([Buffer.of(9), key, Buffer.of(9, 9)]);
  expect(hashOf(hasher, around.subarray(1, 1 + length))).toBe(expected);
});

test("KeyHasher.random() has a secret of its own", () => {
  const key = Buffer.from("key");
  const hash = hashOf(KeyHasher.random(new SeededRandom(1)), key);
  expect(hashOf(KeyHasher.random(new SeededRandom(1)), key)).toBe(hash);
  expect(hashOf(KeyHasher.random(new SeededRandom(2)), key)).not.toBe(hash);
});

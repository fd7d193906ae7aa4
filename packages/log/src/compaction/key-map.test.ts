import { expect, test } from "vitest";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { KeyMap } from "./key-map.ts";

function keyOf(index: number): Buffer {
  return Buffer.from(`key ${index}`);
}

test("KeyMap.get() answers the latest offset of a key, and -1 for none", () => {
  const map = new KeyMap(new SeededRandom(1), { bytesMax: 4800 });
  expect(map.put(keyOf(1), 0)).toBe(true);
  expect(map.put(keyOf(2), 1)).toBe(true);
  expect(map.put(Buffer.alloc(0), 2)).toBe(true);
  expect(map.put(keyOf(1), 2 ** 52)).toBe(true);
  expect(map.size).toBe(3);
  expect(map.get(keyOf(1))).toBe(2 ** 52);
  expect(map.get(keyOf(2))).toBe(1);
  expect(map.get(Buffer.alloc(0))).toBe(2);
  expect(map.get(keyOf(3))).toBe(-1);
  expect(() => map.put(keyOf(1), 5)).toThrow("offset 5 after 4503599627370496");
});

test("KeyMap.put() takes as many keys as its memory allows, and goes on with those it has", () => {
  const map = new KeyMap(new SeededRandom(2), { bytesMax: 24 * 1000 + 23 });
  expect(map.keyCountMax).toBe(750);
  for (let index = 0; index < 750; index++) expect(map.put(keyOf(index), index)).toBe(true);
  expect(map.put(keyOf(750), 750)).toBe(false);
  expect(map.get(keyOf(750))).toBe(-1);
  expect(map.put(keyOf(3), 751)).toBe(true);
  for (let index = 0; index < 750; index++)
    expect(map.get(keyOf(index))).toBe(index === 3 ? 751 : index);
});

test("KeyMap takes no more memory than the keys need that there can be", () => {
  const bytesMax = 2 ** 40;
  for (const keyCountMax of [1, 2, 3, 100, 1001]) {
    const map = new KeyMap(new SeededRandom(3), { bytesMax, keyCountMax });
    expect(map.keyCountMax).toBeGreaterThanOrEqual(keyCountMax);
    for (let index = 0; index < keyCountMax; index++) expect(map.put(keyOf(index), 7)).toBe(true);
    expect(map.size).toBe(keyCountMax);
    expect(map.get(keyOf(-1))).toBe(-1);
  }
  expect(() => new KeyMap(new SeededRandom(3), { bytesMax: 47 })).toThrow("47 bytes holds no key");
});

test("KeyMap.undo() goes back to the last mark, also where keys displaced each other", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new SeededRandom(seed);
    const map = new KeyMap(random, { bytesMax: 24 * 40 });
    let offset = 0;
    const model = new Map<number, number>();
    for (let round = 0; round < 30; round++) {
      map.mark();
      const changed = new Map(model);
      for (let count = random.integer(12); count > 0; count--) {
        const index = random.integer(40);
        if (map.put(keyOf(index), offset)) changed.set(index, offset);
        else expect(changed.size).toBe(30);
        offset++;
      }
      if (random.chance(50)) map.undo();
      else for (const [index, latest] of changed) model.set(index, latest);
      expect(map.size).toBe(model.size);
      for (let index = 0; index < 40; index++)
        expect(map.get(keyOf(index))).toBe(model.get(index) ?? -1);
    }
  }
});

import { expect, test } from "vitest";
import {
  changedBatch,
  type SampleRecord,
  sectionOf,
  storedBatch,
  storedMarker,
} from "../../fakes/compaction-harness.ts";

function keyed(...keys: string[]): SampleRecord[] {
  return keys.map((key) => ({ key, value: "v" }));
}

test("DirtySection.add() takes in the latest offset of each key", () => {
  const section = sectionOf([
    storedBatch({ baseOffset: 10, records: keyed("a", "b", "a"), codec: "lz4" }),
    storedBatch({ baseOffset: 20, records: [...keyed("c"), { key: "b", value: undefined }] }),
    storedBatch({ baseOffset: 22, records: [{ key: undefined, value: "v" }] }),
  ]);
  const offsets = ["a", "b", "c", "d"].map((key) => section.keyMap.get(Buffer.from(key)));
  expect(offsets).toEqual([12, 21, 20, -1]);
  expect(section.endOffset).toBe(23);
});

test("DirtySection.add() passes over control batches and aborted transactions", () => {
  const producer = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  const records = keyed("a");
  const section = sectionOf(
    [
      storedBatch({ ...producer, baseOffset: 0, records, isTransactional: true }),
      storedBatch({ ...producer, baseOffset: 1, records, isTransactional: true }),
      storedMarker(2, 7, 0),
      storedMarker(3, 8, 1),
    ],
    0,
    (producerId, offset) => producerId === 7 && offset >= 1,
  );
  expect(section.keyMap.get(Buffer.from("a"))).toBe(0);
  expect(section.keyMap.size).toBe(1);
  expect(section.endOffset).toBe(4);
});

test("DirtySection.add() ends the section before the batch that does not fit", () => {
  const section = sectionOf(
    [storedBatch({ baseOffset: 0, records: keyed("a", "b") })],
    0,
    () => false,
    2,
  );
  const { keyCountMax } = section.keyMap;
  expect(keyCountMax).toBeLessThan(4);
  const tooMany = storedBatch({ baseOffset: 2, records: keyed("a", "c", "b", "d", "e") });
  expect(section.add(tooMany)).toBe(false);
  expect(section.endOffset).toBe(2);
  expect(section.keyMap.get(Buffer.from("a"))).toBe(0);
  expect(section.keyMap.get(Buffer.from("c"))).toBe(-1);
  // Not one key more is needed for this one.
  expect(section.add(storedBatch({ baseOffset: 2, records: keyed("a", "b", "a", "b") }))).toBe(
    true,
  );
  expect(section.endOffset).toBe(6);
});

test("DirtySection.add() takes no key from a batch that cannot be read", () => {
  const batch = storedBatch({ baseOffset: 0, records: keyed("a", "b") });
  const garbage = changedBatch(batch, (bytes) => bytes.fill(0xff, 74));
  const section = sectionOf([garbage]);
  expect(section.keyMap.size).toBe(0);
  expect(section.endOffset).toBe(2);
});

test("DirtySection.add() refuses a damaged batch, and one that comes too late", () => {
  const batch = storedBatch({ baseOffset: 0, records: keyed("a") });
  const damaged = Buffer.from(batch);
  damaged[70] = 0;
  expect(() => sectionOf([damaged])).toThrow(expect.objectContaining({ reason: "DATA_DAMAGED" }));
  expect(() => sectionOf([batch], 1)).toThrow("a batch before 1");
});

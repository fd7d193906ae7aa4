import { describe, expect, test } from "vitest";
import { ProducerTable, producersRememberedMax } from "./producer-table.ts";

const batch = (baseSequence: number, recordCount = 1, producerEpoch = 0, producerId = 7) => ({
  producerId,
  producerEpoch,
  baseSequence,
  recordCount,
});

describe("ProducerTable.check()", () => {
  test("accepts an unknown producer at any sequence", () => {
    expect(new ProducerTable().check(batch(41))).toEqual({ kind: "accept" });
  });

  test("accepts the next sequence and refuses a gap, naming what it expected", () => {
    const table = new ProducerTable();
    table.record(batch(0, 3), 100);
    expect(table.check(batch(3))).toEqual({ kind: "accept" });
    expect(table.check(batch(5))).toEqual({ kind: "outOfOrder", expected: 3 });
  });

  test("answers each of the last five batches with its first offsets", () => {
    const table = new ProducerTable();
    for (let i = 0; i < 6; i += 1) table.record(batch(i * 2, 2), 50 + i * 2);
    expect(table.check(batch(2, 2))).toEqual({ kind: "duplicate", baseOffset: 52, nextOffset: 54 });
    expect(table.check(batch(10, 2))).toEqual({
      kind: "duplicate",
      baseOffset: 60,
      nextOffset: 62,
    });
    expect(table.check(batch(0, 2)).kind).toBe("outOfOrder");
  });

  test("does not take a batch of another length for a duplicate", () => {
    const table = new ProducerTable();
    table.record(batch(0, 2), 0);
    expect(table.check(batch(0, 1)).kind).toBe("outOfOrder");
  });

  test("wraps sequences from 2^31 - 1 to 0", () => {
    const table = new ProducerTable();
    table.record(batch(2 ** 31 - 2, 2), 0);
    expect(table.check(batch(0))).toEqual({ kind: "accept" });
    table.record(batch(0, 1), 2);
    expect(table.check(batch(2 ** 31 - 2, 2)).kind).toBe("duplicate");
  });

  test("fences an older epoch and starts a newer one at sequence 0", () => {
    const table = new ProducerTable();
    table.record(batch(0, 1, 3), 0);
    expect(table.check(batch(1, 1, 2))).toEqual({ kind: "fenced", currentEpoch: 3 });
    expect(table.check(batch(1, 1, 4))).toEqual({ kind: "outOfOrder", expected: 0 });
    expect(table.check(batch(0, 1, 4))).toEqual({ kind: "accept" });
  });
});

describe("ProducerTable as overlay", () => {
  test("sees its base and leaves it as it is", () => {
    const base = new ProducerTable();
    base.record(batch(0), 0);
    const overlay = new ProducerTable(base);
    overlay.record(batch(1), 1);
    expect(overlay.check(batch(0)).kind).toBe("duplicate");
    expect(overlay.check(batch(2))).toEqual({ kind: "accept" });
    expect(base.check(batch(1))).toEqual({ kind: "accept" });
    overlay.clear();
    expect(overlay.check(batch(1))).toEqual({ kind: "accept" });
  });
});

test("ProducerTable.restore() puts back what producers() gave out", () => {
  const table = new ProducerTable();
  table.record(batch(0, 4), 10);
  const copy = new ProducerTable();
  copy.restore(table.producers());
  expect(copy.check(batch(0, 4))).toEqual({ kind: "duplicate", baseOffset: 10, nextOffset: 14 });
});

test("ProducerTable.record() forgets the producer that was silent longest when the table is full", () => {
  const table = new ProducerTable();
  for (let id = 0; id <= producersRememberedMax; id += 1) table.record(batch(0, 1, 0, id), id);
  expect([...table.producers()].length).toBe(producersRememberedMax);
  expect(table.check(batch(9, 1, 0, 0))).toEqual({ kind: "accept" });
  expect(table.check(batch(0, 1, 0, 1)).kind).toBe("duplicate");
});

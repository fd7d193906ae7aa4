import { expect, test } from "vitest";
import { CommittedRecords } from "./committed-records.ts";

test("CommittedRecords.has() knows how far a partition is by what any replica of its group applied", () => {
  const committed = new CommittedRecords();
  const partitionOf = (value: Uint8Array): number | undefined =>
    value[0] === 0 ? undefined : value[0];
  const has = (partition: number, offset: number): boolean =>
    committed.has(partition, offset, partitionOf);
  const apply = (name: string, firstValue: number, nextOffset: number): void =>
    committed.applied(name, { firstValue: () => Uint8Array.of(firstValue), nextOffset });
  expect(has(3, 0)).toBe(false);
  apply("7.1", 0, 100);
  apply("8.1", 3, 2);
  expect([has(3, 1), has(3, 2), has(4, 0)]).toEqual([true, false, false]);
  apply("8.1", 5, 4);
  apply("8.1", 3, 2);
  expect([has(3, 3), has(3, 4)]).toEqual([true, false]);
});

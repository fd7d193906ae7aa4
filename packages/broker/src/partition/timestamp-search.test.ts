import {
  batchBaseOffset,
  batchMaxTimestamp,
  batchNextOffset,
  patchBatch,
  RecordBatchBuilder,
} from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { searchTimestamp } from "./timestamp-search.ts";

/** A log of batches, whose records have these timestamps. */
function logOf(...timestamps: readonly (readonly number[])[]) {
  let nextOffset = 0;
  const batches = timestamps.map((times) => {
    const builder = new RecordBatchBuilder();
    for (const timestampMs of times) builder.append(timestampMs, undefined, undefined);
    const batch = builder.build();
    patchBatch(batch, 0, nextOffset, 1);
    nextOffset += times.length;
    return batch;
  });
  return {
    findTimestamp: async (timestampMs: number) => {
      const batch = batches.find((each) => batchMaxTimestamp(each) >= timestampMs);
      return batch === undefined ? undefined : { batchBaseOffset: batchBaseOffset(batch) };
    },
    read: (offset: number, _endOffset: number, bytesMax: number) => {
      const rest = batches.filter((batch) => batchNextOffset(batch) > offset);
      return bytesMax === 1 ? rest.slice(0, 1) : rest.slice(0, 2);
    },
  };
}

test("searchTimestamp() finds the first record of that time inside its batch", async () => {
  const log = logOf([10, 20], [30, 40]);
  expect(await searchTimestamp(log, 15, 0, 4)).toBe(1);
  expect(await searchTimestamp(log, 35, 0, 4)).toBe(3);
  expect(await searchTimestamp(log, 41, 0, 4)).toBeUndefined();
});

test("searchTimestamp() passes over records below the start, in its batch and in those before", async () => {
  const log = logOf([10, 20, 30], [40]);
  expect(await searchTimestamp(log, 5, 1, 4)).toBe(1);
  expect(await searchTimestamp(log, 5, 3, 4)).toBe(3);
  expect(await searchTimestamp(log, 5, 4, 4)).toBeUndefined();
});

test("searchTimestamp() goes on where only a deleted record was of that time or later", async () => {
  const log = logOf([99], [1], [2], [3], [4], [50]);
  expect(await searchTimestamp(log, 40, 1, 6)).toBe(5);
  expect(await searchTimestamp(log, 60, 1, 6)).toBeUndefined();
});

test("searchTimestamp() answers no offset out of a batch that is damaged", async () => {
  const log = logOf([10, 20], [30, 40]);
  const [batch] = log.read(0, 4, 1);
  if (batch === undefined) throw new Error("no batch");
  batch[batch.length - 1] = 255 - (batch.at(-1) ?? 0);
  await expect(searchTimestamp(log, 15, 0, 4)).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
});

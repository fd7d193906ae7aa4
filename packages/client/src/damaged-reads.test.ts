import { expect, test } from "vitest";
import { Backoff } from "./backoff.ts";
import { DamagedReads, readAgainAfterMs } from "./damaged-reads.ts";
import { PartitionReader } from "./partition-reader.ts";

function readerAt(offset: number): PartitionReader {
  const backoff = new Backoff({ integer: () => 0, uuid: () => "" });
  const options = { topic: "t", partition: 0, from: "earliest", exitAtEnd: false } as const;
  const reader = new PartitionReader({ ...options, backoff });
  reader.started(offset, 100);
  return reader;
}

test("DamagedReads.mayReadAgain() ends for a batch that stays damaged, after some thirty attempts", () => {
  const reads = new DamagedReads();
  const reader = readerAt(7);
  let attempts = 0;
  while (reads.mayReadAgain(reader, 5_000 + attempts * readAgainAfterMs)) attempts++;
  expect(attempts).toBe(30);
  expect(reads.mayReadAgain(reader, 1_000_000)).toBe(false);
});

test("DamagedReads.mayReadAgain() begins anew for a reader that came further, and for each of its own", () => {
  const reads = new DamagedReads();
  const [reader, other] = [readerAt(7), readerAt(7)];
  expect(reads.mayReadAgain(reader, 0)).toBe(true);
  expect(reads.mayReadAgain(reader, 30_000)).toBe(false);
  expect(reads.mayReadAgain(other, 30_000)).toBe(true);
  reader.handed(8);
  expect(reads.mayReadAgain(reader, 30_000)).toBe(true);
});

import { expect, test } from "vitest";
import { recordBytes, recordHeaderBytes } from "./journal-record.ts";
import { gatherRecord, type QueuedRecord, RecordQueue } from "./record-queue.ts";

function recordOf(sequence: number, dataBytes: number): QueuedRecord {
  const head = Buffer.alloc(recordHeaderBytes, 1);
  const data = [Buffer.alloc(dataBytes, 2), Buffer.alloc(0)];
  return { sequence, position: 4096, head, data, bytes: recordBytes(dataBytes) };
}

test("RecordQueue.takeGroup() takes records of one file, at least one and up to its bound", () => {
  const queue = new RecordQueue();
  for (const record of [recordOf(1, 500), recordOf(1, 10), recordOf(1, 10), recordOf(2, 10)]) {
    queue.push(record);
  }
  expect(queue.takeGroup(100)).toHaveLength(1);
  expect(queue.takeGroup(100_000)).toHaveLength(2);
  expect(queue.takeGroup(100_000).map((record) => record.sequence)).toEqual([2]);
  expect(queue.takeGroup(100_000)).toEqual([]);
});

test("gatherRecord() adds head, data and padding of exactly the record's bytes", () => {
  for (const dataBytes of [0, 1, 7, 8, 1000, 1024, 1025, 5000, 5003]) {
    const record = recordOf(1, dataBytes);
    const buffers: Uint8Array[] = [];
    gatherRecord(record, buffers);
    const bytes = Buffer.concat(buffers);
    expect(bytes.length).toBe(record.bytes);
    expect(
      bytes.subarray(recordHeaderBytes, recordHeaderBytes + dataBytes).every((byte) => byte === 2),
    ).toBe(true);
    expect(bytes.subarray(recordHeaderBytes + dataBytes).every((byte) => byte === 0)).toBe(true);
  }
});

test("gatherRecord() passes large data on by reference", () => {
  const record = recordOf(1, 5000);
  const buffers: Uint8Array[] = [];
  gatherRecord(record, buffers);
  expect(buffers).toContain(record.data[0]);
});

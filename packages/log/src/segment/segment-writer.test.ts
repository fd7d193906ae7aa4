import { expect, test } from "vitest";
import { chunkBytes, decodeChunk } from "./segment-chunk.ts";
import {
  checkSegmentHeader,
  decodeSegmentIndex,
  encodeSegmentHeader,
  segmentHeaderBytes,
} from "./segment-header.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { LogEntry } from "../log-entry.ts";
import { chunkEntry, segmentPath, segmentReader } from "../../fakes/segment-harness.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { keyOf, sampleBatch, sampleEntry } from "../../fakes/store-harness.ts";

const key = keyOf(1);
const newSegment = { fileId: 4, firstIndex: 1, baseOffset: 0, createdMs: 99, isCompacted: false };
const first = [sampleEntry(1, 1, sampleBatch(0, 2, 100, 1, 10))];
const second = [
  sampleEntry(2, 1, sampleBatch(2, 3, 90, 2, 40)),
  sampleEntry(3, 2, new Uint8Array(0)),
];
const third = [sampleEntry(4, 2, sampleBatch(5, 1, 80, 3, 20))];

function newDisk(): SimulatedDisk {
  return new SimulatedDisk(new SeededRandom(1));
}

async function append(writer: SegmentWriter, entries: readonly LogEntry[]): Promise<void> {
  await writer.append(entries.map(chunkEntry), entries.at(-1)?.index ?? 0);
  await writer.flush();
}

test("SegmentWriter.append() writes header and chunks back to back, and says what there is now", async () => {
  const disk = newDisk();
  const writer = SegmentWriter.create(key, disk.compose(segmentPath(key, 4), "new"), newSegment);
  expect(writer.info).toMatchObject({ lastIndex: 0, endOffset: 0, chunkCount: 0 });
  await append(writer, first);
  await append(writer, second);
  const { info, rows } = writer;
  expect(info).toMatchObject({
    fileId: 4,
    firstIndex: 1,
    lastIndex: 3,
    baseOffset: 0,
    endOffset: 5,
    maxTimestampMs: 40,
    chunkCount: 2,
    createdMs: 99,
    isSealed: false,
  });
  const bytes = Buffer.from(disk.bytesOf(segmentPath(key, 4)));
  expect(bytes.length).toBe(info.chunksEnd);
  const { salt } = encodeSegmentHeader({ key, fileId: 4 });
  const head = bytes.subarray(0, segmentHeaderBytes);
  expect(checkSegmentHeader(head, { key, fileId: 4 })).toBe("sound");
  expect(rows.map(({ maxTimestampMs }) => maxTimestampMs)).toEqual([10, 40]);
  for (const row of rows) {
    const piece = bytes.subarray(row.position, row.position + row.bytes);
    const chunk = decodeChunk(piece, salt, row.position);
    expect(chunk?.header).toMatchObject({ firstIndex: row.firstIndex, endOffset: row.endOffset });
    expect(chunk === undefined ? 0 : chunkBytes(chunk.header)).toBe(row.bytes);
  }
});

test("SegmentWriter.seal() writes an index of all chunks behind them", async () => {
  const disk = newDisk();
  const writer = SegmentWriter.create(key, disk.compose(segmentPath(key, 4), "new"), newSegment);
  await append(writer, first);
  await append(writer, second);
  await writer.seal();
  const bytes = Buffer.from(disk.bytesOf(segmentPath(key, 4)));
  const { salt } = encodeSegmentHeader({ key, fileId: 4 });
  const { chunksEnd, isSealed } = writer.info;
  expect(isSealed).toBe(true);
  expect(decodeSegmentIndex(bytes.subarray(chunksEnd), salt, chunksEnd)).toEqual(writer.rows);
});

test("SegmentWriter.resume() goes on behind what counts, over what an attempt left there", async () => {
  const disk = newDisk();
  const writer = SegmentWriter.create(key, disk.compose(segmentPath(key, 4), "new"), newSegment);
  await append(writer, first);
  const { info } = writer;
  await append(writer, second);
  await writer.seal(); // None of this counts: the checkpoint names what was before.
  const rows = await segmentReader(disk).rows(key, info);
  expect(rows).toEqual(writer.rows.slice(0, 1));
  const file = disk.compose(segmentPath(key, 4), "existing");
  const resumed = SegmentWriter.resume(key, file, info, rows);
  await append(resumed, [...second, ...third]);
  await resumed.seal();
  const reader = segmentReader(disk);
  const found = await reader.rows(key, resumed.info);
  expect(found).toEqual(resumed.rows);
  const last = found[1];
  if (last === undefined) throw new Error("no second chunk");
  const chunk = await reader.chunk(key, resumed.info, last);
  expect(chunk.entries.map(({ index }) => index)).toEqual([2, 3, 4]);
});

test("SegmentWriter.extend() lets a segment stand for entries and offsets that were left out", async () => {
  const disk = newDisk();
  const writer = SegmentWriter.create(key, disk.compose(segmentPath(key, 4), "new"), newSegment);
  await append(writer, first);
  writer.extend(20, 70);
  expect(writer.info).toMatchObject({ lastIndex: 20, endOffset: 70, chunkCount: 1 });
});

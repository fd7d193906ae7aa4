import process from "node:process";
import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { type ChunkRow, segmentFooterBytes, segmentHeaderBytes } from "./segment-header.ts";
import type { Chunk } from "./segment-chunk.ts";
import type { SegmentInfo } from "./segment-info.ts";
import type { SegmentReader } from "./segment-reader.ts";
import type { LogEntry } from "../log-entry.ts";
import { ReadMemory } from "../read-memory.ts";
import { VerifiedLately } from "./verified-lately.ts";
import {
  roomyLimits,
  segmentPath,
  segmentReader,
  writeSegment,
} from "../../fakes/segment-harness.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { keyOf, sampleBatch, sampleEntry } from "../../fakes/store-harness.ts";

const key = keyOf(1);
const newSegment = { fileId: 4, firstIndex: 1, baseOffset: 0, createdMs: 0, isCompacted: false };

/** One batch of one record in each chunk; all chunks are equally long. */
function chunks(count: number, fill: number = 5): LogEntry[][] {
  return Array.from({ length: count }, (_, row) => [
    sampleEntry(row + 1, 1, sampleBatch(row, 1, 100, fill + row, row)),
  ]);
}

function isInMemory(reader: SegmentReader, info: SegmentInfo, row: ChunkRow): boolean {
  return !(reader.borrow(key, info, row, () => []) instanceof Promise);
}

interface Fixture {
  readonly disk: SimulatedDisk;
  readonly info: SegmentInfo;
  readonly path: string;
}

async function fixture(seal: "sealed" | "open", count: number = 4): Promise<Fixture> {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const info = await writeSegment(disk, key, newSegment, chunks(count), seal);
  return { disk, info, path: segmentPath(key, 4) };
}

test("SegmentReader.rows() reads the index of a sealed segment at once, and walks an open one", async () => {
  const [sealed, open] = [await fixture("sealed"), await fixture("open")];
  const [fromIndex, walked] = [segmentReader(sealed.disk), segmentReader(open.disk)];
  expect(await fromIndex.rows(key, sealed.info)).toEqual(await walked.rows(key, open.info));
  expect([sealed.disk.counts.get("read"), open.disk.counts.get("read")]).toEqual([1, 4]);
  await walked.rows(key, open.info);
  expect(open.disk.counts.get("read")).toBe(4);
  expect(walked.cachedRows(key, open.info)).toHaveLength(4);
});

test("SegmentReader.rows() walks the chunks where the index is damaged, cut off or gone", async () => {
  const sound = await fixture("sealed");
  const expected = await segmentReader(sound.disk).rows(key, sound.info);
  const { chunksEnd } = sound.info;
  const end = sound.disk.bytesOf(sound.path).length;
  for (let position = chunksEnd; position < end; position += 7) {
    const { disk, info, path } = await fixture("sealed");
    disk.flip(path, position, 8);
    expect(await segmentReader(disk).rows(key, info), `byte ${position}`).toEqual(expected);
    await expect(segmentReader(disk).checkIndex(key, info)).rejects.toMatchObject({
      reason: "DATA_DAMAGED",
    });
    disk.replace(path, disk.bytesOf(path).subarray(0, position));
    expect(await segmentReader(disk).rows(key, info)).toEqual(expected);
  }
  expect(end - chunksEnd).toBeGreaterThan(segmentFooterBytes);
});

test("SegmentReader.rows() shows no more chunks than the segment has, whatever is known since", async () => {
  const { disk, info } = await fixture("open");
  const reader = segmentReader(disk);
  const rows = await reader.rows(key, info);
  const fewer = { ...info, chunkCount: 2, chunksEnd: rows[2]?.position ?? 0 };
  expect(await reader.rows(key, fewer)).toEqual(rows.slice(0, 2));
  expect(reader.cachedRows(key, fewer)).toEqual(rows.slice(0, 2));
  reader.rowsChanged(key, fewer, rows.slice(0, 2));
  expect(reader.cachedRows(key, info)).toBeUndefined();
  expect(await reader.rows(key, info)).toEqual(rows);
});

test("SegmentReader.chunk() rejects a chunk that was swapped with another one of the file", async () => {
  const { disk, info, path } = await fixture("sealed");
  const rows = await segmentReader(disk).rows(key, info);
  const [, one, two, sound] = rows;
  if (one === undefined || two === undefined || sound === undefined) throw new Error("no chunks");
  const bytes = disk.bytesOf(path);
  const swapped = Uint8Array.from(bytes);
  swapped.set(bytes.subarray(one.position, one.position + one.bytes), two.position);
  swapped.set(bytes.subarray(two.position, two.position + two.bytes), one.position);
  disk.replace(path, swapped);
  const reader = segmentReader(disk);
  for (const row of [one, two]) {
    await expect(reader.chunk(key, info, row)).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  }
  expect((await reader.chunk(key, info, sound)).entries).toHaveLength(1);
});

test("SegmentReader rejects the file of another segment under this one's name", async () => {
  const { disk, info, path } = await fixture("sealed");
  await writeSegment(disk, key, { ...newSegment, fileId: 5 }, chunks(4, 50), "sealed");
  disk.replace(path, disk.bytesOf(segmentPath(key, 5)));
  const reader = segmentReader(disk);
  const damage = { reason: "DATA_DAMAGED" };
  await expect(reader.rows(key, info)).rejects.toMatchObject(damage);
  await expect(reader.checkHeader(key, info)).rejects.toMatchObject(damage);
});

test("SegmentReader.checkHeader() tells damage, and a format that is too new", async () => {
  const { disk, info, path } = await fixture("open");
  await segmentReader(disk).checkHeader(key, info);
  disk.flip(path, 33, 1);
  await expect(segmentReader(disk).checkHeader(key, info)).rejects.toMatchObject({
    reason: "DATA_DAMAGED",
  });
  // Its chunks can be read all the same: what the header said follows from the name.
  expect(await segmentReader(disk).rows(key, info)).toHaveLength(4);
});

test("SegmentReader rejects what lies behind the end of a file that was cut off", async () => {
  const { disk, info, path } = await fixture("open");
  const rows = await segmentReader(disk).rows(key, info);
  const last = rows[3];
  if (last === undefined) throw new Error("no chunk");
  disk.replace(path, disk.bytesOf(path).subarray(0, last.position + last.bytes - 1));
  const reader = segmentReader(disk);
  await expect(reader.chunk(key, info, last)).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  disk.replace(path, disk.bytesOf(path).subarray(0, segmentHeaderBytes + 10));
  await expect(segmentReader(disk).rows(key, info)).rejects.toMatchObject({
    reason: "DATA_DAMAGED",
  });
});

test("SegmentReader tries a read that failed once more, then rejects with READ_FAILED", async () => {
  const { disk, info, path } = await fixture("sealed");
  const reader = segmentReader(disk);
  disk.failNext("read", new DiskError("IO", "input/output error"));
  expect(await reader.rows(key, info)).toHaveLength(4);
  disk.failNext("open", new DiskError("IO", "input/output error"));
  expect(await segmentReader(disk).rows(key, info)).toHaveLength(4);
  disk.lose(path);
  await expect(segmentReader(disk).rows(key, info)).rejects.toMatchObject({
    reason: "READ_FAILED",
  });
});

test("SegmentReader keeps few files open and few chunks in memory, and reads on when they are gone", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const limits = { ...roomyLimits, openFilesMax: 2, chunkCacheBytesMax: 400 };
  const reader = segmentReader(disk, limits);
  const infos: SegmentInfo[] = [];
  for (let fileId = 1; fileId <= 5; fileId++) {
    infos.push(await writeSegment(disk, key, { ...newSegment, fileId }, chunks(3), "sealed"));
  }
  for (let round = 0; round < 2; round++) {
    for (const info of infos) {
      for (const row of await reader.rows(key, info)) {
        const [first, second] = await Promise.all([
          reader.chunk(key, info, row),
          reader.chunk(key, info, row),
        ]);
        expect(first.entries[0]?.index).toBe(row.firstIndex);
        expect(second.entries[0]?.index).toBe(row.firstIndex);
        expect(isInMemory(reader, info, row)).toBe(true);
      }
    }
  }
  const [oldest] = infos;
  const row = oldest === undefined ? undefined : (await reader.rows(key, oldest))[0];
  if (oldest === undefined || row === undefined) throw new Error("no chunk");
  expect(isInMemory(reader, oldest, row)).toBe(false);
  await reader.close();
});

test("SegmentReader.forget() forgets rows, chunks and the file of one segment only", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const reader = segmentReader(disk);
  const kept = await writeSegment(disk, key, { ...newSegment, fileId: 1 }, chunks(2), "sealed");
  const gone = await writeSegment(disk, key, { ...newSegment, fileId: 11 }, chunks(2), "sealed");
  for (const info of [kept, gone]) {
    for (const row of await reader.rows(key, info)) await reader.chunk(key, info, row);
  }
  reader.forget(key, gone);
  expect(reader.cachedRows(key, gone)).toBeUndefined();
  const rows = reader.cachedRows(key, kept) ?? [];
  expect(rows).toHaveLength(2);
  for (const row of rows) expect(isInMemory(reader, kept, row)).toBe(true);
  disk.lose(segmentPath(key, 11));
  await expect(reader.rows(key, gone)).rejects.toMatchObject({ reason: "READ_FAILED" });
});

test("SegmentReader verifies for a consumer what was not verified within ten seconds, and for all others always", async () => {
  const { disk, info, path } = await fixture("sealed");
  let nowMs = 0;
  const limits = { ...roomyLimits, chunkCacheBytesMax: 1 };
  const verified = new VerifiedLately({ monotonicMs: () => nowMs });
  const reader = segmentReader(disk, limits, new ReadMemory(), verified);
  const [row, other] = await reader.rows(key, info);
  if (row === undefined || other === undefined) throw new Error("no chunk");
  const consume = async (of: ChunkRow): Promise<number> =>
    (await reader.borrow(key, info, of, ({ entries }) => entries.map(({ data }) => data))).length;
  for (const each of [row, other]) expect(await consume(each)).toBe(1);
  disk.flip(path, row.position + row.bytes - 1, 1);
  expect(await consume(row)).toBe(1);
  await expect(reader.chunk(key, info, row)).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  const target = Buffer.alloc(row.bytes);
  await expect(reader.readChunk(key, info, row, target)).rejects.toMatchObject({
    reason: "DATA_DAMAGED",
  });
  // Found damaged: it is not believed any more, whatever the time.
  await expect(consume(row)).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  await expect(consume(row)).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  nowMs = 10_000;
  expect(await consume(other)).toBe(1);
});

test("SegmentReader notices damage to what a batch's own checksum leaves out, also within ten seconds", async () => {
  for (let at = 0; at < 21; at++) {
    const { disk, info, path } = await fixture("sealed");
    const verified = new VerifiedLately({ monotonicMs: () => 0 });
    const limits = { ...roomyLimits, chunkCacheBytesMax: 1 };
    const reader = segmentReader(disk, limits, new ReadMemory(), verified);
    const [row, other] = await reader.rows(key, info);
    if (row === undefined || other === undefined) throw new Error("no chunk");
    for (const each of [row, other]) await reader.borrow(key, info, each, () => []);
    disk.flip(path, row.position + 80 + 32 + at, 1);
    await expect(
      reader.borrow(key, info, row, () => []),
      `byte ${at}`,
    ).rejects.toMatchObject({
      reason: "DATA_DAMAGED",
    });
  }
});

test("SegmentReader believes a chunk for ten seconds only, also one that it has in memory", async () => {
  const { disk, info, path } = await fixture("sealed");
  let nowMs = 0;
  const verified = new VerifiedLately({ monotonicMs: () => nowMs });
  const limits = { ...roomyLimits, chunkCacheBytesMax: 1 };
  const reader = segmentReader(disk, limits, new ReadMemory(), verified);
  const [row, other] = await reader.rows(key, info);
  if (row === undefined || other === undefined) throw new Error("no chunk");
  for (const each of [row, other]) await reader.borrow(key, info, each, () => []);
  disk.flip(path, row.position + row.bytes - 1, 1);
  await reader.borrow(key, info, row, () => []);
  expect(isInMemory(reader, info, row)).toBe(true);
  nowMs = 10_000;
  await expect(reader.borrow(key, info, row, () => [])).rejects.toMatchObject({
    reason: "DATA_DAMAGED",
  });
});

test("SegmentReader.borrow() shows every reader what was written until it gives it back, whoever else reads meanwhile", async () => {
  const seed = Number(process.env["LOG_READER_SEED"] ?? 1);
  const random = new SeededRandom(seed);
  const disk = new SimulatedDisk(random);
  const entries = Array.from({ length: 8 }, (_, row) => [
    sampleEntry(row + 1, 1, sampleBatch(row, 1, 700_000, row + 1, row)),
  ]);
  const info = await writeSegment(disk, key, newSegment, entries, "sealed");
  const memory = new ReadMemory();
  const reader = segmentReader(disk, { ...roomyLimits, chunkCacheBytesMax: 2_500_000 }, memory);
  const rows = await reader.rows(key, info);
  const expectWritten = (row: number, slices: readonly Uint8Array[]): void => {
    const written = entries[row]?.[0]?.data ?? new Uint8Array(0);
    const label = `seed ${seed}, chunk ${row}`;
    expect(Buffer.compare(slices[0] ?? new Uint8Array(0), written), label).toBe(0);
  };
  const readSome = async (): Promise<void> => {
    const held: { readonly row: number; readonly slices: readonly Uint8Array[] }[] = [];
    for (let round = 0; round < 60; round++) {
      const at = random.integer(rows.length);
      const row = rows[at];
      if (row === undefined) throw new Error(`no chunk ${at}`);
      if (random.chance(10)) await reader.chunk(key, info, row);
      const pick = (chunk: Chunk): Uint8Array[] => chunk.entries.map(({ data }) => data);
      held.push({ row: at, slices: await reader.borrow(key, info, row, pick) });
      const oldest = held.length > random.integer(4) ? held.shift() : undefined;
      if (oldest === undefined) continue;
      expectWritten(oldest.row, oldest.slices);
      if (random.chance(90)) memory.giveBack(oldest.slices);
    }
    for (const { row, slices } of held) expectWritten(row, slices);
  };
  await Promise.all([readSome(), readSome(), readSome(), readSome()]);
});

test("SegmentReader.readAhead() brings few chunks at the same time, and others once those are there", async () => {
  const { disk, info } = await fixture("sealed", 36);
  const reader = segmentReader(disk);
  const rows = await reader.rows(key, info);
  const isThird = (row: number): boolean => row % 3 === 0;
  for (const row of rows.filter((_, at) => isThird(at))) await reader.chunk(key, info, row);
  const ahead = (): void =>
    rows.forEach((_, at) => isThird(at) && reader.readAhead(key, info, rows, at + 2));
  const countOf = (): number =>
    rows.filter((row, at) => at % 3 === 2 && isInMemory(reader, info, row)).length;
  const before = disk.counts.get("read") ?? 0;
  ahead();
  await expect.poll(() => disk.counts.get("read")).toBe(before + 8);
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
  ahead();
  await expect.poll(() => disk.counts.get("read")).toBe(before + 12);
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
  expect(countOf()).toBe(12);
});

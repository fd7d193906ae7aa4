import { describe, expect, test } from "vitest";
import { SegmentHistory, viewSegment } from "./segment-history.ts";
import { batchCoverage } from "../batch-coverage.ts";
import { GroupState } from "../group-state.ts";
import type { LogEntry } from "../log-entry.ts";
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
const seed = Number(process.env["LOG_HISTORY_SEED"] ?? 1);

interface Fixture {
  readonly disk: SimulatedDisk;
  readonly state: GroupState;
  readonly history: SegmentHistory;
  readonly entries: readonly LogEntry[];
  readonly endOffset: number;
}

/** Segments of random chunks; with gaps where some of the entries are left out, as compaction does. */
async function fixture(kind: "whole" | "compacted", random: SeededRandom): Promise<Fixture> {
  const disk = new SimulatedDisk(random);
  const state = new GroupState(key);
  const kept: LogEntry[] = [];
  let index = 1;
  let offset = 0;
  for (let fileId = 1; fileId <= 4; fileId++) {
    const [firstIndex, baseOffset] = [index, offset];
    const chunks: LogEntry[][] = [];
    for (let chunk = 1 + random.integer(4); chunk > 0; chunk--) {
      const entries: LogEntry[] = [];
      for (let count = 1 + random.integer(4); count > 0; count--, index++) {
        const isBatch = random.chance(75);
        const records = isBatch ? 1 + random.integer(4) : 0;
        const data = isBatch
          ? sampleBatch(offset, records, 61 + random.integer(99), index, random.integer(1000))
          : new Uint8Array(0);
        offset += records;
        if (kind === "whole" || random.chance(50)) entries.push(sampleEntry(index, 1, data));
      }
      if (entries.length > 0) chunks.push(entries);
      kept.push(...entries);
    }
    const isCompacted = kind === "compacted";
    const info = await writeSegment(
      disk,
      key,
      { fileId, firstIndex, baseOffset, createdMs: 0, isCompacted },
      chunks,
      fileId < 4 ? "sealed" : "open",
    );
    // What is left out at the end of a segment is covered by it nevertheless.
    state.segments = [...state.segments, { ...info, lastIndex: index - 1, endOffset: offset }];
  }
  const limits = { ...roomyLimits, chunkCacheBytesMax: 500 };
  const history = new SegmentHistory(state, segmentReader(disk, limits));
  return { disk, state, history, entries: kept, endOffset: offset };
}

function batchesOf(
  entries: readonly LogEntry[],
): { data: Uint8Array; base: number; end: number }[] {
  return entries.flatMap(({ data, type }) => {
    const coverage = batchCoverage(type, data);
    if (coverage === undefined) return [];
    const { baseOffset: base, recordCount } = coverage;
    return [{ data, base, end: base + recordCount }];
  });
}

describe.each(["whole", "compacted"] as const)("SegmentHistory of %s segments", (kind) => {
  test("SegmentHistory.read() from any offset gives the batches that follow, whole", async () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 20; round++) {
      const { endOffset, entries, history } = await fixture(kind, random);
      for (let offset = 0; offset <= endOffset; offset++) {
        const end = offset + random.integer(endOffset + 1 - offset);
        const wanted = batchesOf(entries).filter((batch) => batch.end > offset && batch.end <= end);
        const read = await history.read(offset, end, 150);
        const label = `seed ${seed}, round ${round}, [${offset}, ${end})`;
        expect(read.length > 0, label).toBe(wanted.length > 0);
        expect(read.length, label).toBeLessThanOrEqual(wanted.length);
        for (const [row, batch] of read.entries()) {
          expect(Buffer.compare(batch, wanted[row]?.data ?? batch), label).toBe(0);
        }
        const bytes = read.reduce((sum, batch) => sum + batch.length, 0);
        expect(read.length === 1 || bytes <= 150, label).toBe(true);
      }
    }
  });

  test("SegmentHistory.findTimestamp() finds the first batch of any time", async () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 20; round++) {
      const { endOffset, entries, history, state } = await fixture(kind, random);
      state.startOffset = random.chance(50) ? 0 : random.integer(endOffset + 1);
      for (let timestampMs = 0; timestampMs <= 1000; timestampMs += 1 + random.integer(40)) {
        const wanted = entries.find(({ data, type }) => {
          const coverage = batchCoverage(type, data);
          if (coverage === undefined || coverage.maxTimestampMs < timestampMs) return false;
          return coverage.baseOffset + coverage.recordCount > state.startOffset;
        });
        const base = wanted === undefined ? undefined : batchesOf([wanted])[0]?.base;
        const label = `seed ${seed}, round ${round}, ${timestampMs} ms`;
        expect(await history.findTimestamp(timestampMs, endOffset), label).toBe(base);
        if (base !== undefined) {
          expect(await history.findTimestamp(timestampMs, base), label).toBeUndefined();
        }
      }
    }
  });
});

test("SegmentHistory.entries() gives any entry and those behind it in its chunk, within its bounds", async () => {
  const random = new SeededRandom(seed);
  for (let round = 0; round < 20; round++) {
    const { entries, history } = await fixture("whole", random);
    for (let start = 1; start <= entries.length; start++) {
      const end = start + 1 + random.integer(entries.length + 1 - start);
      const found = await history.entries(start, end, 200);
      const wanted = entries.slice(start - 1, start - 1 + found.length);
      expect(found.map(({ index }) => index)).toEqual(wanted.map(({ index }) => index));
      expect(found.length).toBeGreaterThan(0);
      expect(found.at(-1)?.index).toBeLessThan(end);
      for (const [row, { data }] of found.entries()) {
        expect(Buffer.compare(data, wanted[row]?.data ?? data)).toBe(0);
      }
    }
    expect(await history.entries(entries.length + 1, entries.length + 2, 200)).toEqual([]);
  }
});

test("SegmentHistory.read() answers at once what is in memory", async () => {
  const { history } = await fixture("whole", new SeededRandom(seed));
  expect(history.read(0, 1000, 1)).toBeInstanceOf(Promise);
  const [first] = await history.read(0, 1000, 1);
  const again = history.read(0, 1000, 1);
  expect(again).not.toBeInstanceOf(Promise);
  expect(again).toEqual([first]);
});

test("SegmentHistory finds everything without an index: the chunks say the same", async () => {
  const { disk, endOffset, entries, history, state } = await fixture(
    "whole",
    new SeededRandom(seed),
  );
  for (const { chunksEnd, fileId, isSealed } of state.segments) {
    if (isSealed) disk.flip(segmentPath(key, fileId), chunksEnd + 3, 1);
  }
  const read: Uint8Array[] = [];
  for (let offset = 0; offset < endOffset;) {
    const batches = await history.read(offset, endOffset, 10_000);
    read.push(...batches);
    offset = batchesOf(entries)[read.length]?.base ?? endOffset;
  }
  expect(read.map((data) => Buffer.from(data).toString("hex"))).toEqual(
    batchesOf(entries).map(({ data }) => Buffer.from(data).toString("hex")),
  );
});

test("viewSegment() shows what retention looks at", async () => {
  const { state } = await fixture("compacted", new SeededRandom(seed));
  const [first] = state.segments;
  if (first === undefined) throw new Error("no segment");
  expect(viewSegment(first)).toMatchObject({
    firstIndex: 1,
    baseOffset: 0,
    sizeBytes: first.chunksEnd,
    sealed: true,
    compacted: true,
    recent: false,
  });
});

test("SegmentHistory.read() has the next chunk brought for who reads on, and for nobody who jumps", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const state = new GroupState(key);
  const chunks = Array.from({ length: 6 }, (_, row) => [
    sampleEntry(row + 1, 1, sampleBatch(row, 1, 100, row)),
  ]);
  const segment = { fileId: 1, firstIndex: 1, baseOffset: 0, createdMs: 0, isCompacted: false };
  state.segments = [await writeSegment(disk, key, segment, chunks, "sealed")];
  const history = new SegmentHistory(state, segmentReader(disk));
  const reads = (): number => disk.counts.get("read") ?? 0;
  await history.read(4, 6, 1000);
  await history.read(0, 6, 1000);
  const afterJumps = reads();
  expect(afterJumps).toBe(3); // The index and two chunks.
  await history.read(1, 6, 1000);
  expect(reads()).toBe(afterJumps + 2); // Its own and the next one's.
  await history.read(2, 6, 1000);
  await expect.poll(reads).toBe(afterJumps + 3);
  await history.read(3, 6, 1000);
  expect(reads()).toBe(afterJumps + 3); // It was there, and so is the one behind it.
});

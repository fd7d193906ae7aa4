import assert from "node:assert/strict";
import { expect, test } from "vitest";
import {
  batchBaseOffset,
  batchLastOffset,
  batchLastSequence,
  batchNextOffset,
  batchProducerEpoch,
  batchProducerId,
  compressionCodecs,
  isBatchIntact,
  isControlBatch,
} from "@ropewalk/protocol";
import {
  type ReadRecord,
  recordsIn,
  storedBatch,
  storedMarker,
} from "../../fakes/compaction-harness.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { BatchCleaner } from "./batch-cleaner.ts";
import { DirtySection } from "./dirty-section.ts";
import { KeyMap } from "./key-map.ts";

const seedCount = Number(process.env["COMPACTION_MODEL_SEEDS"] ?? 25);
const firstSeed = Number(process.env["COMPACTION_MODEL_SEED"] ?? 1);
const roundsPerSeed = 12;
const keyCount = 25;
const deleteRetentionMs = 10_000;

/** A record as it was written, and whether its transaction was aborted. */
interface ModelRecord extends ReadRecord {
  readonly isAborted: boolean;
}

interface Aborted {
  readonly producerId: number;
  readonly baseOffset: number;
  readonly endOffset: number;
}

/** A partition: its batches as they are stored, and a plain array of every record that was ever written. */
class ModelLog {
  batches: Uint8Array[] = [];
  readonly written: ModelRecord[] = [];
  readonly aborted: Aborted[] = [];
  /** Where each producer's last data batch ends. */
  readonly lastOffsets = new Map<number, number>();
  endOffset = 0;
  /** Up to here the log is compacted. */
  cleanEndOffset = 0;
  nowMs = 1_700_000_000_000;
  /** When the cleaning was that first saw a tombstone as the latest of its key. */
  readonly cleanedMs = new Map<number, number>();
  readonly #random: SeededRandom;
  readonly #sequences = new Map<number, number>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  write(): void {
    for (let count = 1 + this.#random.integer(8); count > 0; count--) {
      if (this.#random.chance(25)) this.#writeTransaction();
      else
        this.#writeBatch(
          this.#random.chance(50) ? this.#random.integer(3) : undefined,
          false,
          false,
        );
      this.nowMs += this.#random.integer(500);
    }
  }

  #writeTransaction(): void {
    const producerId = 3 + this.#random.integer(3);
    const baseOffset = this.endOffset;
    const isAborted = this.#random.chance(50);
    for (let count = this.#random.integer(4); count > 0; count--) {
      // Others write in between.
      if (this.#random.chance(30)) this.#writeBatch(this.#random.integer(3), false, false);
      this.#writeBatch(producerId, true, isAborted);
    }
    if (isAborted) this.aborted.push({ producerId, baseOffset, endOffset: this.endOffset });
    this.batches.push(storedMarker(this.endOffset++, producerId, isAborted ? 0 : 1));
  }

  #writeBatch(producerId: number | undefined, isTransactional: boolean, isAborted: boolean): void {
    const baseOffset = this.endOffset;
    const records = Array.from({ length: 1 + this.#random.integer(6) }, () => this.#newRecord());
    const codec = compressionCodecs[this.#random.integer(5)] ?? "none";
    const producer = producerId === undefined ? {} : this.#sequence(producerId, records.length);
    this.batches.push(storedBatch({ baseOffset, records, codec, isTransactional, ...producer }));
    this.written.push(
      ...records.map((record, index) => ({ ...record, offset: baseOffset + index, isAborted })),
    );
    this.endOffset += records.length;
    if (producerId !== undefined) this.lastOffsets.set(producerId, this.endOffset - 1);
  }

  #newRecord(): Omit<ReadRecord, "offset"> {
    const value = this.#random.chance(25)
      ? undefined
      : `${this.written.length}`.repeat(this.#random.integer(9));
    const key = this.#random.chance(3) ? undefined : `key ${this.#random.integer(keyCount)}`;
    // Clients' clocks are wrong at times, and some have none.
    const timestampMs = this.#random.chance(5)
      ? -1
      : this.nowMs - this.#random.integer(60_000) + 30_000;
    return { key, value, timestampMs };
  }

  #sequence(producerId: number, recordCount: number): object {
    const baseSequence = this.#sequences.get(producerId) ?? 0;
    this.#sequences.set(producerId, baseSequence + recordCount);
    return { producerId, producerEpoch: 0, baseSequence };
  }

  /** Compacts as far as a map of a random size allows. */
  compact(): void {
    const keyMap = new KeyMap(this.#random, {
      bytesMax: 1 << 20,
      keyCountMax: this.#random.chance(40) ? 6 + this.#random.integer(keyCount) : keyCount,
    });
    const section = new DirtySection({
      keyMap,
      startOffset: this.cleanEndOffset,
      isAborted: (producerId, offset) =>
        this.aborted.some(
          (range) =>
            range.producerId === producerId &&
            offset >= range.baseOffset &&
            offset < range.endOffset,
        ),
    });
    for (const batch of this.batches) {
      if (batchBaseOffset(batch) < section.startOffset) continue;
      if (this.#random.chance(3) || !section.add(batch)) break;
    }
    this.#clean(section);
    this.cleanEndOffset = section.endOffset;
  }

  #clean(section: DirtySection): void {
    for (const { offset, key, value } of this.written) {
      if (key === undefined || value !== undefined || offset >= section.endOffset) continue;
      if (section.keyMap.get(Buffer.from(key)) === offset) this.cleanedMs.set(offset, this.nowMs);
    }
    const cleaner = new BatchCleaner({
      section,
      nowMs: this.nowMs,
      deleteRetentionMs,
      isLastOfProducer: (producerId, _epoch, lastSequence, lastOffset) =>
        lastSequence >= 0 && this.lastOffsets.get(producerId) === lastOffset,
    });
    this.batches = this.batches
      .map((batch) => cleaner.clean(batch))
      .filter((batch) => batch !== undefined);
  }

  /** The latest record of each key among those before `endOffset` that were not rolled back. */
  latest(endOffset: number): Map<string, ModelRecord> {
    const latest = new Map<string, ModelRecord>();
    for (const record of this.written) {
      const { key, offset, isAborted } = record;
      if (key !== undefined && offset < endOffset && !isAborted) latest.set(key, record);
    }
    return latest;
  }
}

/** The records of clients that a log still has. */
function readAll(log: ModelLog): ReadRecord[] {
  return recordsIn(log.batches.filter((batch) => !isControlBatch(batch)));
}

/** No offset moves, nothing changes, and what is left is in its order. */
function checkRecords(log: ModelLog, read: readonly ReadRecord[]): void {
  const written = new Map(log.written.map((record) => [record.offset, record]));
  let previousOffset = -1;
  for (const record of read) {
    expect(record.offset).toBeGreaterThan(previousOffset);
    previousOffset = record.offset;
    expect(written.get(record.offset)).toMatchObject(record);
  }
  let nextOffset = 0;
  for (const batch of log.batches) {
    assert(isBatchIntact(batch));
    expect(batchBaseOffset(batch)).toBeGreaterThanOrEqual(nextOffset);
    nextOffset = batchNextOffset(batch);
  }
}

/** The newest value of every key is there; tombstones are for their time; what was deleted stays so. */
function checkKeys(log: ModelLog, read: readonly ReadRecord[]): void {
  const offsets = new Set(read.map(({ offset }) => offset));
  for (const record of log.latest(log.endOffset).values()) {
    const cleanedMs = log.cleanedMs.get(record.offset) ?? Infinity;
    const mayBeGone = record.value === undefined && log.nowMs >= cleanedMs + deleteRetentionMs;
    if (!mayBeGone) expect(offsets, `the latest of ${record.key}`).toContain(record.offset);
  }
  const aborted = new Set(log.written.filter((one) => one.isAborted).map((one) => one.offset));
  const state = new Map<string, string>();
  for (const { offset, key, value } of read) {
    if (key === undefined || aborted.has(offset)) continue;
    if (value === undefined) state.delete(key);
    else state.set(key, value);
  }
  const expected = new Map<string, string>();
  for (const [key, { value }] of log.latest(log.endOffset))
    if (value !== undefined) expected.set(key, value);
  expect(Object.fromEntries(state)).toEqual(Object.fromEntries(expected));
}

/** The clean section holds exactly what it must, and tombstones of which the time has not come. */
function checkCleanSection(log: ModelLog, read: readonly ReadRecord[], compactedMs: number): void {
  const clean = read.filter(({ offset }) => offset < log.cleanEndOffset);
  const latest = log.latest(log.cleanEndOffset);
  for (const { offset, key, value } of clean) {
    assert(key !== undefined, `a record without a key at ${offset}`);
    expect(offset, `of ${key}`).toBe(latest.get(key)?.offset);
    const horizonMs = (log.cleanedMs.get(offset) ?? Infinity) + deleteRetentionMs;
    if (value === undefined) expect(compactedMs).toBeLessThan(horizonMs);
  }
  const values = [...latest.values()].filter(({ value }) => value !== undefined);
  expect(clean.filter(({ value }) => value !== undefined)).toHaveLength(values.length);
}

/** Every producer's sequence can be read from the log, and every transaction that is there has its end. */
function checkProducers(log: ModelLog): void {
  const open = new Set<number>();
  const last = new Map<number, number>();
  for (const batch of log.batches) {
    const producerId = batchProducerId(batch);
    if (isControlBatch(batch)) open.delete(producerId);
    else if (producerId >= 3) open.add(producerId);
    if (batchLastSequence(batch) < 0 || isControlBatch(batch)) continue;
    expect(batchProducerEpoch(batch)).toBe(0);
    last.set(producerId, batchLastOffset(batch));
  }
  expect([...open]).toEqual([]);
  expect(last).toEqual(log.lastOffsets);
}

function runSeed(seed: number): ModelLog {
  const random = new SeededRandom(seed);
  const log = new ModelLog(random);
  let compactedMs = -Infinity;
  for (let round = 0; round < roundsPerSeed; round++) {
    if (random.chance(80)) log.write();
    if (random.chance(30)) log.nowMs += random.integer(2 * deleteRetentionMs);
    if (random.chance(70)) {
      log.compact();
      compactedMs = log.nowMs;
    }
    const read = readAll(log);
    checkRecords(log, read);
    checkKeys(log, read);
    checkCleanSection(log, read, compactedMs);
    checkProducers(log);
  }
  return log;
}

test("Compaction keeps what a plain array says it must, whatever is written and whenever it runs", () => {
  let writtenCount = 0;
  let keptCount = 0;
  let tombstonesGone = 0;
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
    try {
      const log = runSeed(seed);
      const kept = readAll(log);
      const offsets = new Set(kept.map(({ offset }) => offset));
      writtenCount += log.written.length;
      keptCount += kept.length;
      tombstonesGone += [...log.latest(log.cleanEndOffset).values()].filter(
        ({ offset }) => !offsets.has(offset),
      ).length;
    } catch (error) {
      const replay = `COMPACTION_MODEL_SEED=${seed} COMPACTION_MODEL_SEEDS=1`;
      throw new Error(`Seed ${seed} (replay with ${replay})`, { cause: error });
    }
  }
  // A run that compacts nothing proves nothing.
  expect(keptCount).toBeLessThan(writtenCount);
  if (seedCount >= 20) expect(tombstonesGone).toBeGreaterThan(0);
});

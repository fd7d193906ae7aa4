import { expect, test } from "vitest";
import type { GroupLog } from "./group-log.ts";
import type { LogStore } from "./log-store.ts";
import { crashConfig } from "../fakes/crash-check.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  appendRounds,
  keyOf,
  moved,
  openStore,
  sampleBatch,
  segmentsOf,
} from "../fakes/store-harness.ts";

const firstSeed = Number(process.env["LOG_MOVING_SEED"] ?? 1);
const seedCount = Number(process.env["LOG_MOVING_SEEDS"] ?? 40);
const bytes = 150;

interface Fixture {
  readonly store: LogStore;
  readonly group: GroupLog;
  readonly other: GroupLog;
}

/** Entry i of a group is a batch of the offsets [2i - 2, 2i) and has the timestamp i. */
async function fixture(seed: number, rounds: number): Promise<Fixture> {
  const disk = new SimulatedDisk(new SeededRandom(seed));
  const store = await openStore(disk, crashConfig);
  const [group, other] = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2))];
  await appendRounds(store, [group, other], rounds, bytes);
  return { store, group, other };
}

function expectBatches(batches: readonly Uint8Array[], offset: number, label: string): void {
  expect(batches.length, label).toBeGreaterThan(0);
  for (const [row, batch] of batches.entries()) {
    const index = Math.floor(offset / 2) + 1 + row;
    const wanted = sampleBatch((index - 1) * 2, 2, bytes, index, index);
    expect(Buffer.compare(batch, wanted), label).toBe(0);
  }
}

test("GroupLog reads the same from segments and from the journal, whatever moves meanwhile", async () => {
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
    const random = new SeededRandom(seed);
    const { store, group, other } = await fixture(seed, 10);
    const reads: Promise<void>[] = [];
    const read = async (): Promise<void> => {
      const label = `seed ${seed} (replay with LOG_MOVING_SEED=${seed})`;
      const offset = random.integer(group.endOffset());
      expectBatches(await group.read(offset, group.endOffset(), 600), offset, label);
      const startIndex = 1 + random.integer(group.lastIndex());
      const entries = await group.fetch(startIndex, group.lastIndex() + 1, 600);
      const data = entries.map((entry) => entry.data);
      expectBatches(data, (startIndex - 1) * 2, label);
      const timestampMs = 1 + random.integer(group.lastIndex());
      const found = await group.findTimestamp(timestampMs, group.endOffset());
      expect(found, label).toEqual({ batchBaseOffset: (timestampMs - 1) * 2 });
    };
    for (let round = 0; round < 90; round++) {
      for (let count = random.integer(4); count > 0; count--) reads.push(read());
      await appendRounds(store, [random.chance(50) ? group : other], 1, bytes);
    }
    await Promise.all(reads);
    expect(store.statistics.runCount).toBeGreaterThan(1);
    expect(group.quarantined).toBeUndefined();
    await store.close();
  }
});

test("GroupLog.read() goes on from the last segment to the journal", async () => {
  const { group, store } = await fixture(1, 60);
  await moved(store);
  const boundary = segmentsOf(group).at(-1)?.endOffset ?? 0;
  expect(boundary).toBeGreaterThan(0);
  expect(boundary).toBeLessThan(group.endOffset());
  for (const offset of [boundary - 2, boundary - 1, boundary, boundary + 1]) {
    expectBatches(await group.read(offset, group.endOffset(), 10_000), offset, `${offset}`);
  }
  expect(await group.read(boundary - 2, boundary - 1, 10_000)).toEqual([]);
  expect(await group.read(group.endOffset(), group.endOffset(), 10_000)).toEqual([]);
});

test("GroupLog.fetch() gives entries from before the boundary first, and those behind it next", async () => {
  const { group, store } = await fixture(1, 60);
  await moved(store);
  const boundary = segmentsOf(group).at(-1)?.lastIndex ?? 0;
  const before = await group.fetch(boundary, group.lastIndex() + 1, 10_000);
  expect(before.map(({ index }) => index)).toEqual([boundary]);
  const behind = await group.fetch(boundary + 1, group.lastIndex() + 1, 100_000);
  expect(behind.at(-1)?.index).toBe(group.lastIndex());
  expect([0, boundary, boundary + 1].map((index) => group.term(index))).toEqual([0, 1, 1]);
});

test("GroupLog.findTimestamp() passes over what lies before the log's start, in segments and in the journal", async () => {
  const { group, store } = await fixture(1, 60);
  await moved(store);
  const boundary = segmentsOf(group).at(-1)?.lastIndex ?? 0;
  for (const startIndex of [3, boundary, boundary + 3]) {
    const startOffset = (startIndex - 1) * 2;
    await store.cut(group, { startOffset });
    const found = await group.findTimestamp(1, group.endOffset());
    expect(found, `start at entry ${startIndex}`).toEqual({ batchBaseOffset: startOffset });
  }
});

test("GroupLog.segments() shows what moved and what is still in the journal, without a gap", async () => {
  const { group, store } = await fixture(1, 60);
  await moved(store);
  const segments = group.segments();
  expect(segments.map(({ recent }) => recent).indexOf(true)).toBe(segments.length - 1);
  let [nextIndex, nextOffset] = [1, 0];
  for (const { baseOffset, endOffset, firstIndex, lastIndex, maxTimestampMs } of segments) {
    expect([firstIndex, baseOffset]).toEqual([nextIndex, nextOffset]);
    expect(maxTimestampMs).toBe(lastIndex);
    [nextIndex, nextOffset] = [lastIndex + 1, endOffset];
  }
  expect([nextIndex - 1, nextOffset]).toEqual([group.lastIndex(), group.endOffset()]);
});

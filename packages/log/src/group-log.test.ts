import { expect, test } from "vitest";
import type { GroupLog } from "./group-log.ts";
import type { LogEntry } from "./log-entry.ts";
import type { LogStore } from "./log-store.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  journalPaths,
  keyOf,
  openStore,
  sampleBatch,
  sampleEntry,
} from "../fakes/store-harness.ts";

const hardState = { term: 1, vote: 1, commit: 0 };

/** Indexes 1 to 6: an election, batches [0, 2), [2, 5), a membership change, [5, 6), [6, 10). */
const entries: readonly LogEntry[] = [
  sampleEntry(1, 1, new Uint8Array(0)),
  sampleEntry(2, 1, sampleBatch(0, 2, 100, 1, 10)),
  sampleEntry(3, 1, sampleBatch(2, 3, 200, 2, 30)),
  { index: 4, term: 2, type: "confChangeV2", data: new Uint8Array(80) },
  sampleEntry(5, 2, sampleBatch(5, 1, 300, 3, 20)),
  sampleEntry(6, 4, sampleBatch(6, 4, 400, 4, 40)),
];

async function filled(disk: SimulatedDisk): Promise<{ store: LogStore; group: GroupLog }> {
  const store = await openStore(disk);
  const group = store.createGroup(keyOf(1));
  await store.append([{ group, hardState, entries }]);
  return { store, group };
}

function newDisk(): SimulatedDisk {
  return new SimulatedDisk(new SeededRandom(1));
}

async function reopened(): Promise<{ disk: SimulatedDisk; store: LogStore; group: GroupLog }> {
  const disk = newDisk();
  await (await filled(disk)).store.close();
  const store = await openStore(disk);
  const group = store.group(keyOf(1));
  if (group === undefined) throw new Error("the group is gone");
  return { disk, store, group };
}

function dataOf(...indexes: number[]): Uint8Array[] {
  return indexes.map((index) => entries[index - 1]?.data ?? new Uint8Array(0));
}

test("GroupLog.term() knows every entry, the place before the first, and the bounds", async () => {
  const { group } = await filled(newDisk());
  expect([0, 1, 3, 4, 5, 6].map((index) => group.term(index))).toEqual([0, 1, 1, 2, 2, 4]);
  expect(group.term(-1)).toBe("compacted");
  expect(group.term(7)).toBe("unavailable");
});

test("GroupLog.offsetAfter() moves on with batches only", async () => {
  const { group } = await filled(newDisk());
  expect([0, 1, 2, 3, 4, 5, 6].map((index) => group.offsetAfter(index))).toEqual([
    0, 0, 2, 5, 5, 6, 10,
  ]);
  expect(group.endOffset()).toBe(10);
});

test("GroupLog.entries() answers at least one entry and then stays within its bound", async () => {
  const { group } = await filled(newDisk());
  expect(group.entries(2, 7, 1)).toEqual([entries[1]]);
  expect(group.entries(2, 7, 300)).toEqual(entries.slice(1, 3));
  expect(group.entries(0, 2, 300)).toBe("compacted");
  expect(group.entries(2, 8, 300)).toBe("unavailable");
});

test("GroupLog.fetch() brings entries from disk that entries() then has", async () => {
  const { group } = await reopened();
  expect(group.entries(2, 7, 2000)).toBe("pending");
  const fetched = await group.fetch(2, 7, 2000);
  expect(fetched.map((entry) => Uint8Array.from(entry.data))).toEqual(
    dataOf(2, 3, 4, 5, 6).map((data) => Uint8Array.from(data)),
  );
  expect(fetched.map((entry) => entry.type)[2]).toBe("confChangeV2");
  expect(group.entries(2, 7, 2000)).toEqual(fetched);
});

test.each([
  { offset: 0, endOffset: 10, bytesMax: 10_000, indexes: [2, 3, 5, 6] },
  { offset: 1, endOffset: 10, bytesMax: 1, indexes: [2] },
  { offset: 2, endOffset: 10, bytesMax: 500, indexes: [3, 5] },
  { offset: 4, endOffset: 9, bytesMax: 10_000, indexes: [3, 5] },
  { offset: 4, endOffset: 4, bytesMax: 10_000, indexes: [] },
  { offset: 10, endOffset: 10, bytesMax: 10_000, indexes: [] },
])(
  "GroupLog.read() of [$offset, $endOffset) gives whole batches, from memory and from disk",
  async ({ offset, endOffset, bytesMax, indexes }) => {
    const { group } = await filled(newDisk());
    expect(group.read(offset, endOffset, bytesMax)).toEqual(dataOf(...indexes));
    const { group: cold } = await reopened();
    const batches = await cold.read(offset, endOffset, bytesMax);
    expect(batches.map((batch) => Uint8Array.from(batch))).toEqual(
      dataOf(...indexes).map((data) => Uint8Array.from(data)),
    );
  },
);

test("GroupLog.read() from disk shares one buffer between neighbouring batches", async () => {
  const { group } = await reopened();
  const batches = await group.read(0, 10, 10_000);
  expect(new Set(batches.map((batch) => batch.buffer)).size).toBe(1);
});

test("GroupLog.fetch() rejects damaged data and quarantines the group, which still takes appends", async () => {
  const { disk, store, group } = await reopened();
  const path = journalPaths(disk)[0] ?? "";
  const needle = Buffer.alloc(50, 3);
  disk.flip(path, Buffer.from(disk.bytesOf(path)).indexOf(needle) + 10, 1);
  await expect(group.fetch(5, 6, 1000)).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  expect(group.quarantined?.reason).toBe("DATA_DAMAGED");
  expect(await group.read(6, 10, 1000)).toHaveLength(1);
  await store.append([{ group, hardState: { term: 9, vote: 1, commit: 0 }, entries: [] }]);
  await store.close();
  const again = (await openStore(disk)).group(keyOf(1));
  expect(again?.quarantined?.reason).toBe("DATA_DAMAGED");
});

test("GroupLog.findTimestamp() answers the first batch that may hold the time", async () => {
  const { group } = await filled(newDisk());
  expect(await group.findTimestamp(5, 10)).toEqual({ batchBaseOffset: 0 });
  expect(await group.findTimestamp(11, 10)).toEqual({ batchBaseOffset: 2 });
  expect(await group.findTimestamp(31, 10)).toEqual({ batchBaseOffset: 6 });
  expect(await group.findTimestamp(31, 9)).toBeUndefined();
  expect(await group.findTimestamp(41, 10)).toBeUndefined();
});

test("GroupLog forgets replaced entries, their terms and their offsets", async () => {
  const { store, group } = await filled(newDisk());
  const replacement = [sampleEntry(3, 5, sampleBatch(2, 1, 90, 9))];
  await store.append([{ group, hardState, entries: replacement }]);
  expect(group.lastIndex()).toBe(3);
  expect(group.term(3)).toBe(5);
  expect(group.endOffset()).toBe(3);
  expect(group.read(2, 3, 1000)).toEqual([replacement[0]?.data]);
});

test("GroupLog.giveBack() lets the memory of what was read from the journal be used again, and of nothing else", async () => {
  const batches = Array.from({ length: 12 }, (_, row) => sampleBatch(row, 1, 300_000, row));
  const disk = newDisk();
  const config = { recordBytesMax: 8_000_000, fileBytesMax: 8_000_000, cacheBytesMax: 1 };
  const store = await openStore(disk, config);
  const group = store.createGroup(keyOf(1));
  for (const [row, batch] of batches.entries()) {
    await store.append([{ group, hardState, entries: [sampleEntry(row + 1, 1, batch)] }]);
  }
  const read = async (offset: number): Promise<readonly Uint8Array[]> => {
    const found = await group.read(offset, 11, 1_000_000);
    expect(found).toHaveLength(3);
    return found;
  };
  const [kept, given] = [await read(0), await read(3)];
  const memory = given[0]?.buffer;
  group.giveBack(given);
  const next = await read(6);
  expect(next[0]?.buffer).toBe(memory);
  for (const [row, batch] of [...kept, ...next].entries()) {
    const written = batches[row < 3 ? row : row + 3] ?? new Uint8Array(0);
    expect(Buffer.compare(batch, written), `batch ${row}`).toBe(0);
  }
  await store.close();
});

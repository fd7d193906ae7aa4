import { readRecords, RecordBatchBuilder } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import type { GroupLog } from "../group-log.ts";
import type { LogStore } from "../log-store.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { keyOf, openStore, sampleEntry, smallConfig } from "../../fakes/store-harness.ts";

const config = {
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 1000,
};

/** Appends one batch of records "key=value". */
async function put(store: LogStore, group: GroupLog, pairs: readonly string[]): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (const pair of pairs) {
    const [key, value] = pair.split("=");
    builder.append(1, Buffer.from(key ?? ""), Buffer.from((value ?? "").padEnd(300, ".")));
  }
  const batch = builder.build();
  Buffer.from(batch.buffer, batch.byteOffset).writeBigInt64BE(BigInt(group.endOffset()), 0);
  const index = group.lastIndex() + 1;
  const hardState = { term: 1, vote: 1, commit: index };
  await store.append([{ group, hardState, entries: [sampleEntry(index, 1, batch)] }]);
  group.markCommitted(index);
}

/** Every record of a log: offset, key and value. */
async function records(group: GroupLog): Promise<string[]> {
  const found: string[] = [];
  let offset = group.startOffset();
  for (;;) {
    const batches = await group.read(offset, group.endOffset(), 1000);
    if (batches.length === 0) return found;
    for (const batch of batches) {
      for (const record of readRecords(batch)) {
        const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
        found.push(
          `${record.offset} ${text(record.key)}=${text(record.value).replaceAll(".", "")}`,
        );
      }
      offset =
        Buffer.from(batch).readInt32BE(23) + Number(Buffer.from(batch).readBigInt64BE(0)) + 1;
    }
  }
}

async function filled(disk: SimulatedDisk, rounds: number): Promise<[LogStore, GroupLog]> {
  const store = await openStore(disk);
  const group = store.createGroup(keyOf(1));
  for (let round = 0; round < rounds; round++) {
    await put(store, group, [`a=${round}`, `b${round % 3}=${round}`]);
  }
  const manifest = await store.exportSnapshot(group, group.lastIndex(), Buffer.from("image"));
  await store.saveImage(group, manifest?.index ?? 0, Buffer.from("image"));
  return [store, group];
}

test("LogStore.compact() leaves the newest record of each key at its offset, also after a restart", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const [store, group] = await filled(disk, 200);
  const before = await records(group);
  const sealed = group.segments().findLast((segment) => segment.sealed);
  const request = { config, committedOffset: group.endOffset(), random: new SeededRandom(2) };
  expect(store.compactionReason(group, request)).toBe("DIRTY_RATIO");
  const outcome = await store.compact(group, request);
  expect(outcome?.bytesAfter).toBeLessThan((outcome?.bytesBefore ?? 0) / 5);
  const behind = before.filter((record) => Number.parseInt(record) >= (sealed?.endOffset ?? 0));
  const compacted = before.filter((record) => !behind.includes(record));
  const newest = new Map(compacted.map((record) => [record.split(/[ =]/)[1], record]));
  const kept = [...newest.values()].sort((a, b) => Number.parseInt(a) - Number.parseInt(b));
  expect(await records(group)).toEqual([...kept, ...behind]);
  expect(group.firstIndex()).toBe((outcome?.lastIndex ?? 0) + 1);
  expect(group.term(group.firstIndex() - 1)).toBe(1);
  expect(store.compactionReason(group, request)).toBeUndefined();
  await store.close();
  disk.crash();
  const reopened = await openStore(disk);
  const again = reopened.group(keyOf(1));
  expect(again?.quarantined).toBeUndefined();
  expect(again === undefined ? [] : await records(again)).toEqual([...kept, ...behind]);
  await reopened.close();
});

test("LogStore.compact() compacts as much as the key map has room for, and the rest the next time", async () => {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const store = await openStore(disk, { ...smallConfig, keyMapBytesMax: 24 * 40 });
  const group = store.createGroup(keyOf(1));
  for (let round = 0; round < 120; round++) {
    await put(store, group, [`key${round % 60}=${round}`, `same=${round}`]);
  }
  await store.exportSnapshot(group, group.lastIndex(), Buffer.from("image"));
  await store.saveImage(group, group.lastIndex(), Buffer.from("image"));
  const before = await records(group);
  const request = { config, committedOffset: group.endOffset(), random: new SeededRandom(2) };
  let rounds = 0;
  while ((await store.compact(group, request)) !== undefined) rounds++;
  expect(rounds).toBeGreaterThan(1);
  const after = await records(group);
  const newest = new Map(before.map((record) => [record.split(/[ =]/)[1], record]));
  for (const record of newest.values()) expect(after).toContain(record);
  for (const record of after) expect(before).toContain(record);
  expect(after.length).toBeLessThan(before.length);
  await store.close();
});

test("LogStore.compact() needs an image of all that it compacts", async () => {
  const store = await openStore(new SimulatedDisk(new SeededRandom(1)));
  const group = store.createGroup(keyOf(1));
  for (let round = 0; round < 200; round++) await put(store, group, [`a=${round}`]);
  await store.exportSnapshot(group, group.lastIndex(), Buffer.from("image"));
  const request = { config, committedOffset: group.endOffset(), random: new SeededRandom(2) };
  expect(store.compactionReason(group, request)).toBe("DIRTY_RATIO");
  expect(await store.compact(group, request)).toBeUndefined();
  await store.close();
});

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import {
  appendRounds,
  directory,
  groupPaths,
  journalPaths,
  keyOf,
  ManualClock,
  moved,
  openStore,
  sampleBatch,
  sampleEntry,
  smallConfig,
} from "./store-harness.ts";
import type { GroupLog } from "../src/group-log.ts";
import { inspectLog } from "../src/inspect/inspect-log.ts";
import type { LogStore } from "../src/log-store.ts";

/** The broker directory that the fixtures belong to. */
export const fixtureDirectoryId = "8f14e45f-ceea-467f-a8b2-3c1d5e6f7a8b";

const config = {
  ...smallConfig,
  fileBytesMax: 8 * 1024,
  journalBytesMax: 24 * 1024,
  segmentBytesMax: 10 * 1024,
  fillAheadBytes: 8 * 1024,
};

function open(disk: SimulatedDisk): Promise<LogStore> {
  const clock = new ManualClock();
  clock.advance(1_800_000_000_000);
  return openStore(disk, config, fixtureDirectoryId, clock);
}

/**
 * Two groups with everything that there is: segments that are sealed and one that is not, of one group cut, images,
 * entries of every type in the journal, some of them replaced; a third one that was deleted; journal files that were
 * used before, and some that wait to be.
 */
async function fill(disk: SimulatedDisk): Promise<LogStore> {
  const store = await open(disk);
  const groups = [store.createGroup(keyOf(1)), store.createGroup(keyOf(2, 7))];
  for (let run = 0; run < 9; run++) {
    await appendRounds(store, groups, 9, 130);
    await moved(store);
  }
  for (const group of groups.slice(0, 1)) {
    await store.saveImage(group, 60, Buffer.from("image of the group that was cut"));
    await store.cut(group, { startOffset: 101 });
  }
  for (const group of groups.slice(1)) await store.saveImage(group, 12, Buffer.from("image"));
  const deleted = store.createGroup(keyOf(3));
  await appendRounds(store, [deleted], 2, 100);
  await store.deleteGroup(deleted.key);
  for (const group of groups) await appendOthers(store, group);
  return store;
}

/** Entries that are no batches, and some that replace others. */
async function appendOthers(store: LogStore, group: GroupLog): Promise<void> {
  const next = group.lastIndex() + 1;
  const offset = group.endOffset();
  const first = [
    { index: next, term: 2, type: "confChangeV2" as const, data: Buffer.from("a member") },
    sampleEntry(next + 1, 2, new Uint8Array(0)),
    sampleEntry(next + 2, 2, sampleBatch(offset, 5, 90, 1)),
  ];
  await store.append([{ group, hardState: { term: 2, vote: 3, commit: 0 }, entries: first }]);
  const replacing = [
    { index: next + 1, term: 3, type: "confChange" as const, data: Buffer.from("another one") },
    sampleEntry(next + 2, 3, sampleBatch(offset, 2, 700, 2, 1_800_000_000_000)),
  ];
  const hardState = { term: 3, vote: 0, commit: next };
  await store.append([{ group, hardState, entries: replacing }]);
}

async function closed(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(new SeededRandom(1));
  await (await fill(disk)).close();
  return disk;
}

/** The power went: the middle of the last write is missing, and one copy of the last checkpoint is torn. */
async function torn(): Promise<SimulatedDisk> {
  const running = new SimulatedDisk(new SeededRandom(1));
  await fill(running);
  const disk = running.copy();
  const { end } = await inspectLog({ disk, directory });
  if (end === undefined) throw new Error("the journal has no end");
  const path = `${directory}/${end.file}`;
  disk.replace(
    path,
    Buffer.from(disk.bytesOf(path)).fill(0, end.position - 500, end.position - 100),
  );
  const checkpoint = `${directory}/checkpoint-0b`;
  disk.replace(checkpoint, disk.bytesOf(checkpoint).subarray(0, 80));
  return disk;
}

/** One bit each: in an entry of group 2.7 in the journal, in a chunk of group 1.1, in a header and in a checkpoint. */
async function damaged(): Promise<SimulatedDisk> {
  const disk = await closed();
  for (const path of journalPaths(disk)) {
    const at = Buffer.from(disk.bytesOf(path)).lastIndexOf(Buffer.alloc(600, 2));
    if (at !== -1) disk.flip(path, at, 16);
  }
  const [segment = ""] = groupPaths(disk, 1).filter((path) => path.includes("/segment-"));
  disk.flip(segment, 4096 + 300, 1);
  disk.flip(journalPaths(disk).at(-2) ?? "", 33, 2);
  disk.flip(`${directory}/checkpoint-1a`, 70, 4);
  return disk;
}

/** Writes the directories of the fixtures anew: for a new version of the format only. */
export async function writeFixtures(version: string, target: string): Promise<void> {
  for (const [name, make] of Object.entries({ closed, torn, damaged })) {
    const path = join(target, `${version}-${name}`);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
    const disk = await make();
    for (const file of disk.paths()) writeFileSync(join(path, basename(file)), disk.bytesOf(file));
  }
}

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { crc32c, patchBatch } from "@ropewalk/protocol";
import type { DiskFile } from "@ropewalk/runtime";
import { NodeClock, NodeDisk } from "@ropewalk/runtime/node";
import { afterAll, beforeAll, test } from "vitest";
import { newestCheckpoint, readCheckpoints } from "./checkpoint/checkpoint-files.ts";
import type { GroupLog } from "./group-log.ts";
import { LogStore } from "./log-store.ts";
import { SegmentReader } from "./segment/segment-reader.ts";
import { keyOf, sampleBatch, sampleEntry, silentLogger } from "../fakes/store-harness.ts";

/*
 * What the store costs beyond the disk: a closed loop of appends against the same batches in the same group
 * commits on one bare file that was written before, and is written round and round. Both hash every batch, and
 * take turns in one process. Then what reading, and a start, take.
 *
 * BENCH_SECONDS (2) a cell and round, BENCH_ROUNDS (3), BENCH_STORED_MIB (2048) for the start.
 */

/** `npm test` runs this with next to nothing to do, so that it cannot rot. */
const isTiny = process.env["ROPEWALK_BENCH_TINY"] !== undefined;
const seconds = Number(process.env["BENCH_SECONDS"] ?? (isTiny ? 0.02 : 2));
const rounds = Number(process.env["BENCH_ROUNDS"] ?? (isTiny ? 1 : 3));
const storedBytes = Number(process.env["BENCH_STORED_MIB"] ?? (isTiny ? 16 : 2048)) * 1024 * 1024;
const outstanding = 128;
const warmUpBytes = (isTiny ? 1 : 3200) * 1024 * 1024;
const bareBytes = (isTiny ? 32 : 512) * 1024 * 1024;
const flushBytesMax = 16 * 1024 * 1024;
/** What both contenders write from: more than the store keeps in memory and has under way. */
const batchMemoryBytes = (isTiny ? 8 : 160) * 1024 * 1024;
/** Appends between two cuts, where nothing is kept. */
const cutEvery = 64;
const fourHoursMs = 4 * 3600 * 1000;

const disk = new NodeDisk();
const clock = new NodeClock();
let directory: string;
let bareFile: DiskFile;

beforeAll(async () => {
  directory = mkdtempSync(join(process.env["BENCH_DIRECTORY"] ?? tmpdir(), "ropewalk-"));
  bareFile = await disk.create(join(directory, "bare"));
  const zeros = Buffer.alloc(8 * 1024 * 1024);
  for (let at = 0; at < bareBytes; at += zeros.length) await bareFile.write(at, [zeros]);
  await bareFile.datasync();
}, fourHoursMs);

afterAll(async () => {
  await bareFile.close();
  rmSync(directory, { recursive: true, force: true });
});

/** What one round of one contender did. */
interface Round {
  readonly megabytesPerSecond: number;
  readonly cpuSecondsPerGigabyte: number;
  readonly flushesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

type Append = () => Promise<void>;

/** Used again long after the store has let go of them: fresh memory would cost more than the store. */
function batchesOf(bytes: number): readonly Uint8Array[] {
  const count = Math.ceil(batchMemoryBytes / bytes);
  return Array.from({ length: count }, (_, fill) => sampleBatch(0, 10, bytes, fill % 256));
}

/** Keeps `outstanding` appends under way for a while. */
async function closedLoop(
  bytes: number,
  append: Append,
  flushCount: () => number,
  between: () => void = () => undefined,
): Promise<Round> {
  const latencies: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  const [startMs, startFlushes, startCpu] = [performance.now(), flushCount(), process.cpuUsage()];
  const worker = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const sentMs = performance.now();
      await append();
      latencies.push(performance.now() - sentMs);
      between();
    }
  };
  await Promise.all(Array.from({ length: outstanding }, worker));
  const tookS = (performance.now() - startMs) / 1000;
  const { system, user } = process.cpuUsage(startCpu);
  const written = latencies.length * bytes;
  latencies.sort((left, right) => left - right);
  const at = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? 0;
  return {
    megabytesPerSecond: written / tookS / 1e6,
    cpuSecondsPerGigabyte: (system + user) / 1e6 / (written / 1e9),
    flushesPerSecond: (flushCount() - startFlushes) / tookS,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

/** The same work with nothing around it. */
function bareJournal(bytes: number): { append: Append; flushCount: () => number } {
  const batches = batchesOf(bytes);
  const waiting: { batch: Uint8Array; resolve: () => void }[] = [];
  let [position, flushes, next] = [0, 0, 0];
  let isBusy = false;
  const flush = async (): Promise<void> => {
    isBusy = true;
    while (waiting.length > 0) {
      const group = waiting.splice(0, Math.max(1, Math.floor(flushBytesMax / bytes)));
      const size = group.length * bytes;
      if (position + size > bareBytes) position = 0;
      await bareFile.write(
        position,
        group.map(({ batch }) => batch),
      );
      await bareFile.datasync();
      position += size;
      flushes++;
      for (const { resolve } of group) resolve();
    }
    isBusy = false;
  };
  return {
    flushCount: () => flushes,
    append: () =>
      new Promise((resolve) => {
        const batch = batches[next++ % batches.length] ?? new Uint8Array(bytes);
        crc32c(batch);
        waiting.push({ batch, resolve });
        if (!isBusy) void flush();
      }),
  };
}

/** A store that is appended to, round robin over its groups. */
class Contender {
  readonly store: LogStore;
  readonly #groups: readonly GroupLog[];
  readonly #isKept: boolean;
  readonly #batches: readonly Uint8Array[];
  #next = 0;
  #done = 0;

  constructor(store: LogStore, groupCount: number, bytes: number, isKept: boolean) {
    this.store = store;
    this.#isKept = isKept;
    this.#batches = batchesOf(bytes);
    this.#groups = Array.from({ length: groupCount }, (_, row) =>
      store.createGroup(keyOf(row + 1)),
    );
  }

  async append(): Promise<void> {
    await this.store.relief;
    const group = this.#groups[this.#next++ % this.#groups.length];
    if (group === undefined) return;
    const index = group.lastIndex() + 1;
    const data = this.#batches[this.#next % this.#batches.length] ?? new Uint8Array(0);
    patchBatch(data, 0, group.endOffset(), 1);
    const hardState = { term: 1, vote: 1, commit: index - 1 };
    const entries = [sampleEntry(index, 1, data)];
    await this.store.append([{ group, hardState, entries }]);
  }

  /** Where nothing is to outlive the journal: an image of each group in its turn, and all before it goes. */
  cutSome(): void {
    if (this.#isKept || ++this.#done % cutEvery !== 0) return;
    const group = this.#groups[(this.#done / cutEvery) % this.#groups.length];
    const index = (group?.lastIndex() ?? 0) - 1;
    if (group === undefined || index < 1) return;
    void this.store
      .saveImage(group, index, new Uint8Array(64))
      .then(() => this.store.cut(group, { index }))
      .catch(() => undefined);
  }
}

function median(rows: readonly Round[], value: (row: Round) => number): number {
  const sorted = rows.map(value).sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function describe(name: string, rows: readonly Round[], bare?: readonly Round[]): string {
  const speed = median(rows, (row) => row.megabytesPerSecond);
  const ratio =
    bare === undefined
      ? ""
      : ` (${((100 * speed) / median(bare, (row) => row.megabytesPerSecond)).toFixed(0)} %)`;
  const of = (value: (row: Round) => number, digits: number): string =>
    median(rows, value).toFixed(digits);
  return (
    `${name}: ${speed.toFixed(0)} MB/s${ratio}, ${of((r) => r.cpuSecondsPerGigabyte, 2)} CPU-s/GB, ` +
    `${of((r) => r.flushesPerSecond, 0)} flushes/s, p50 ${of((r) => r.p50Ms, 1)} p99 ${of((r) => r.p99Ms, 1)} ms`
  );
}

// Cutting a thousand groups within one window of the journal would measure their images.
const cells = [
  { groupCount: 1, bytes: 65_536, isKept: false },
  { groupCount: 16, bytes: 65_536, isKept: false },
  { groupCount: 1, bytes: 262_144, isKept: false },
  ...[1, 16, 128, 1000].map((groupCount) => ({ groupCount, bytes: 65_536, isKept: true })),
  { groupCount: 1, bytes: 262_144, isKept: true },
];

test.for(isTiny ? cells.slice(0, 1) : cells)(
  "appends of $bytes bytes over $groupCount groups, kept: $isKept",
  { timeout: fourHoursMs },
  async ({ bytes, groupCount, isKept }) => {
    const path = join(directory, "store");
    const store = await LogStore.open({ disk, directory: path, logger: silentLogger, clock });
    const contender = new Contender(store, groupCount, bytes, isKept);
    const bare = bareJournal(bytes);
    const [ours, theirs]: [Round[], Round[]] = [[], []];
    // Until the journal is as large as it gets, its files are new: that is not what lasts.
    while (store.statistics.flushedBytes < warmUpBytes) {
      await closedLoop(
        bytes,
        () => contender.append(),
        () => 0,
        () => contender.cutSome(),
      );
    }
    for (let round = 0; round < rounds; round++) {
      theirs.push(await closedLoop(bytes, bare.append, bare.flushCount));
      ours.push(
        await closedLoop(
          bytes,
          () => contender.append(),
          () => store.statistics.flushCount,
          () => contender.cutSome(),
        ),
      );
    }
    const cell = `${bytes / 1024} KiB, ${groupCount} groups`;
    const movedGigabytes = (store.statistics.movedBytes / 1e9).toFixed(1);
    console.log(describe(`${cell}, bare`, theirs));
    console.log(
      describe(
        `${cell}, ${isKept ? `all kept, ${movedGigabytes} GB moved` : "nothing outlives"}`,
        ours,
        theirs,
      ),
    );
    await store.close();
    rmSync(path, { recursive: true, force: true });
  },
);

async function fillStore(path: string, groupCount: number, bytesMax: number): Promise<void> {
  const store = await LogStore.open({ disk, directory: path, logger: silentLogger, clock });
  const bytes = 65_536;
  const contender = new Contender(store, groupCount, bytes, true);
  for (let written = 0; written < bytesMax; written += 128 * bytes) {
    await Promise.all(Array.from({ length: 128 }, () => contender.append()));
  }
  await store.close();
}

async function timedOpen(path: string, what: string): Promise<LogStore> {
  const startMs = performance.now();
  const store = await LogStore.open({ disk, directory: path, logger: silentLogger, clock });
  console.log(`${what}: open after ${(performance.now() - startMs).toFixed(0)} ms`);
  return store;
}

test(
  "a start with much that is stored, and reading it back",
  { timeout: fourHoursMs },
  async () => {
    const path = join(directory, "large");
    await fillStore(path, 16, storedBytes);
    const size = `${(storedBytes / 1024 ** 3).toFixed(0)} GiB in 16 groups`;
    // After a crash the last mark is missing; nothing else is different.
    const store = await timedOpen(path, size);
    await timedRead("segments through groups, 1 MiB at a time, first", () => readMoved(store));
    await timedRead("the same from the system's cache", () => readMoved(store));
    await timedRead("the same once more", () => readMoved(store));
    await timedRead("the journal through groups, 1 MiB at a time", () => readRecent(store));
    await timedRead("the same once more", () => readRecent(store));
    await timedRead("chunks read and verified in one buffer, first", () => readChunks(path));
    await timedRead("the same from the system's cache", () => readChunks(path));
    await store.close();
    rmSync(path, { recursive: true, force: true });
  },
);

/** Where the journal begins. */
function movedOffset(group: GroupLog): number {
  return group.segments().findLast(({ recent }) => !recent)?.endOffset ?? 0;
}

async function readMoved(store: LogStore): Promise<number> {
  let bytes = 0;
  for (const group of store.groups()) bytes += await readGroup(group, 0, movedOffset(group));
  return bytes;
}

async function readRecent(store: LogStore): Promise<number> {
  let bytes = 0;
  for (const group of store.groups()) {
    bytes += await readGroup(group, movedOffset(group), group.endOffset());
  }
  return bytes;
}

async function readGroup(group: GroupLog, start: number, end: number): Promise<number> {
  let bytes = 0;
  for (let offset = start; offset < end;) {
    const batches = await group.read(offset, end, 1024 * 1024);
    if (batches.length === 0) break;
    offset += batches.length * 10;
    for (const batch of batches) bytes += batch.length;
    group.giveBack(batches);
  }
  return bytes;
}

async function readChunks(path: string): Promise<number> {
  const limits = { openFilesMax: 16, chunkCacheBytesMax: 1, indexCacheBytesMax: 1024 * 1024 };
  const reader = new SegmentReader(disk, path, limits);
  const target = Buffer.allocUnsafeSlow(2 * 1024 * 1024);
  const checkpoint = newestCheckpoint(await readCheckpoints(disk, path));
  let bytes = 0;
  for (const { key, segments } of checkpoint?.groups ?? []) {
    for (const info of segments) {
      for (const row of await reader.rows(key, info)) {
        await reader.readChunk(key, info, row, target);
        bytes += row.bytes;
      }
    }
  }
  await reader.close();
  return bytes;
}

async function timedRead(what: string, read: () => Promise<number>): Promise<void> {
  const [startCpu, startMs] = [process.cpuUsage(), performance.now()];
  const bytes = await read();
  const tookS = (performance.now() - startMs) / 1000;
  const { system, user } = process.cpuUsage(startCpu);
  const cpuS = (system + user) / 1e6;
  console.log(
    `${what}: ${(bytes / tookS / 1e9).toFixed(2)} GB/s, ${(cpuS / (bytes / 1e9)).toFixed(2)} CPU-s/GB`,
  );
}

const manyGroups = isTiny ? 500 : 10_000;

test(`a start with ${manyGroups} groups`, { timeout: fourHoursMs }, async () => {
  const path = join(directory, "many");
  const fileBytesMax = (isTiny ? 1 : 4) * 1024 * 1024;
  const config = { fileBytesMax, journalBytesMax: fileBytesMax, destageBytesPerSecondMax: 0 };
  const options = { disk, directory: path, logger: silentLogger, clock, config };
  const store = await LogStore.open(options);
  const groups = Array.from({ length: manyGroups }, (_, row) => store.createGroup(keyOf(row + 1)));
  for (let index = 1; index <= 4; index++) {
    const hardState = { term: 1, vote: 1, commit: index };
    await store.append(
      groups.map((group) => ({
        group,
        hardState,
        entries: [sampleEntry(index, 1, sampleBatch(group.endOffset(), 10, 1000))],
      })),
    );
  }
  while (groups.some((group) => group.segments().every(({ recent }) => recent))) {
    await new Promise<void>((resolve) => void clock.setTimer(20, resolve));
  }
  await store.close();
  const reopened = await timedOpen(path, `${manyGroups} groups with a segment each`);
  console.log(`open files of the process: ${readdirSync("/proc/self/fd").length}`);
  await reopened.close();
  rmSync(path, { recursive: true, force: true });
});

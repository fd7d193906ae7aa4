import assert from "node:assert/strict";
import {
  batchCrcStart,
  batchHeaderBytes,
  crc32c,
  patchBatch,
  recordBatchMagic,
} from "@ropewalk/protocol";
import { type Clock, DiskError, type DiskFile, type Logger, type Timer } from "@ropewalk/runtime";
import { defaultLogConfig, type LogConfig } from "../src/log-config.ts";
import type { GroupKey, LogEntry } from "../src/log-entry.ts";
import type { LogError } from "../src/log-error.ts";
import type { GroupLog } from "../src/group-log.ts";
import { LogStore } from "../src/log-store.ts";
import type { SegmentView } from "../src/segment/segment-history.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/** Where the tests' stores live. */
export const directory = "data";

/** Bounds so small that every edge is met. */
export const smallConfig: LogConfig = {
  ...defaultLogConfig,
  journalBytesMax: 64 * 1024,
  destageBytesPerSecondMax: 0,
  compactionBytesPerSecondMax: 0,
  scrubBytesPerSecondMax: 0,
  keyMapBytesMax: 64 * 1024,
  segmentBytesMax: 24 * 1024,
  chunkCacheBytesMax: 8 * 1024,
  indexCacheBytesMax: 2 * 1024,
  openFilesMax: 4,
  fileBytesMax: 16 * 1024,
  fillAheadBytes: 4 * 1024,
  flushBytesMax: 4 * 1024,
  recordBytesMax: 64 * 1024,
  cacheBytesMax: 4 * 1024,
  readBytesMax: 2 * 1024,
};

/** A logger that says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

/** A clock that only moves when told to. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly dueMs: number; readonly callback: () => void }[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  /** How many timers are set. */
  get timerCount(): number {
    return this.#timers.length;
  }

  /** Moves on and runs what is due. */
  advance(byMs: number): void {
    this.#nowMs += byMs;
    const due = this.#timers.filter((timer) => timer.dueMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => timer.dueMs > this.#nowMs);
    for (const timer of due) timer.callback();
  }
}

/** Opens the store of a test. */
export function openStore(
  disk: SimulatedDisk,
  config: Partial<LogConfig> = smallConfig,
  directoryId?: string,
  clock: Clock = new ManualClock(),
  onFailed?: (error: LogError) => void,
): Promise<LogStore> {
  return LogStore.open({
    disk,
    directory,
    logger: silentLogger,
    clock,
    config,
    directoryId,
    onFailed,
  });
}

/** The paths of the journal's files, in their order. */
export function journalPaths(disk: SimulatedDisk): string[] {
  return disk.paths().filter((path) => path.includes("/journal-"));
}

/** The files of a disk that are open, from now on; nothing is read from one that is closed, as on a real disk. */
export function watchOpenFiles(disk: SimulatedDisk): ReadonlySet<DiskFile> {
  const opened = new Set<DiskFile>();
  const watch = (file: DiskFile): DiskFile => {
    opened.add(file);
    const close = file.close.bind(file);
    const read = file.read.bind(file);
    file.read = (position, target) =>
      opened.has(file)
        ? read(position, target)
        : Promise.reject(new DiskError("IO", `${file.path} is closed`));
    file.close = () => {
      opened.delete(file);
      return close();
    };
    return file;
  };
  const open = disk.open.bind(disk);
  const create = disk.create.bind(disk);
  disk.open = async (path, access) => watch(await open(path, access));
  disk.create = async (path) => watch(await create(path));
  return opened;
}

/** Lets others go on until something holds: by turns, never by time. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000 && !condition(); turn++) await Promise.resolve();
  assert(condition(), "what was waited for did not come");
}

/** The paths of segments and images, of one group or of all. */
export function groupPaths(disk: SimulatedDisk, groupId?: number): string[] {
  const owner = groupId === undefined ? "" : `${groupId}.`;
  const beginnings = ["segment-", "image-"].map((kind) => `${directory}/${kind}${owner}`);
  return disk.paths().filter((path) => beginnings.some((each) => path.startsWith(each)));
}

/** Appends one batch to each group, all committed, as often as asked, a flush each. */
export async function appendRounds(
  store: LogStore,
  groups: readonly GroupLog[],
  rounds: number,
  bytes: number = 1000,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const group of groups) {
      const index = group.lastIndex() + 1;
      const data = sampleBatch(group.endOffset(), 2, bytes, index, index);
      const hardState = { term: 1, vote: 1, commit: index - 1 };
      await store.append([{ group, hardState, entries: [sampleEntry(index, 1, data)] }]);
      group.markCommitted(index);
    }
  }
}

/** Waits for a move that is under way. */
export async function moved(store: LogStore): Promise<void> {
  for (const group of store.groups()) return store.cut(group, {});
}

/** Segments of a group; what is still in the journal is none. */
export function segmentsOf(group: GroupLog): readonly SegmentView[] {
  return group.segments().filter(({ recent }) => !recent);
}

/** Reads all of a group from its start, as `appendRounds` wrote it, and compares every byte. */
export async function checkRounds(group: GroupLog): Promise<void> {
  const startOffset = group.startOffset();
  for (let offset = startOffset - (startOffset % 2); offset < group.endOffset();) {
    const batches = await group.read(offset, group.endOffset(), 5000);
    assert(batches.length > 0, `nothing at offset ${offset}`);
    for (const batch of batches) {
      const index = offset / 2 + 1;
      const wanted = sampleBatch(offset, 2, batch.length, index, index);
      assert(Buffer.compare(batch, wanted) === 0, `another batch at offset ${offset}`);
      offset += 2;
    }
  }
}

/** The key of a test's group. */
export function keyOf(groupId: number, incarnation: number = 1): GroupKey {
  return { groupId, incarnation };
}

/** A record batch of `recordCount` records as far as storage looks at it: a true header with its checksum, any bytes behind it. */
export function sampleBatch(
  baseOffset: number,
  recordCount: number,
  bytes: number = batchHeaderBytes + 20,
  fill: number = 7,
  maxTimestampMs: number = 0,
): Uint8Array {
  const batch = Buffer.alloc(bytes, fill);
  batch.writeInt32BE(bytes - 12, 8);
  batch[16] = recordBatchMagic;
  batch.writeInt16BE(0, 21);
  batch.writeInt32BE(recordCount - 1, 23);
  batch.writeBigInt64BE(BigInt(maxTimestampMs), 35);
  stampCrc(batch);
  patchBatch(batch, 0, baseOffset, 1);
  return batch;
}

/** Says in a batch what its CRC is, after its records were changed. */
export function stampCrc(batch: Uint8Array): void {
  const { buffer, byteOffset } = batch;
  new DataView(buffer, byteOffset).setUint32(batchCrcStart - 4, crc32c(batch, batchCrcStart));
}

/** A normal entry. */
export function sampleEntry(index: number, term: number, data: Uint8Array): LogEntry {
  return { index, term, type: "normal", data };
}

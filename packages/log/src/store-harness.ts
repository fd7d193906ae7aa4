import { batchHeaderBytes, patchBatch, recordBatchMagic } from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import type { LogConfig } from "./log-config.ts";
import type { GroupKey, LogEntry } from "./log-entry.ts";
import { LogStore } from "./log-store.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/** Where the tests' stores live. */
export const directory = "data";

/** Bounds so small that every edge is met. */
export const smallConfig: LogConfig = {
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

/** A clock that stands still; the store only measures with it. */
export const stillClock: Clock = {
  monotonicMs: () => 0,
  wallMs: () => 0,
  setTimer: () => {
    throw new Error("no timer is expected");
  },
  defer: () => {
    throw new Error("nothing is expected to be deferred");
  },
};

/** Opens the store of a test. */
export function openStore(
  disk: SimulatedDisk,
  config: Partial<LogConfig> = smallConfig,
  directoryId?: string,
): Promise<LogStore> {
  return LogStore.open({
    disk,
    directory,
    logger: silentLogger,
    clock: stillClock,
    config,
    directoryId,
  });
}

/** The key of a test's group. */
export function keyOf(groupId: number, incarnation: number = 1): GroupKey {
  return { groupId, incarnation };
}

/** A record batch of `recordCount` records as far as storage looks at it: a true header, any bytes behind it. */
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
  patchBatch(batch, 0, baseOffset, 1);
  return batch;
}

/** A normal entry. */
export function sampleEntry(index: number, term: number, data: Uint8Array): LogEntry {
  return { index, term, type: "normal", data };
}

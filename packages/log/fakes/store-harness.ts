import { batchHeaderBytes, patchBatch, recordBatchMagic } from "@ropewalk/protocol";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import { defaultLogConfig, type LogConfig } from "../src/log-config.ts";
import type { GroupKey, LogEntry } from "../src/log-entry.ts";
import { LogStore } from "../src/log-store.ts";
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
): Promise<LogStore> {
  return LogStore.open({
    disk,
    directory,
    logger: silentLogger,
    clock,
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

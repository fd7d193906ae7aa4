import assert from "node:assert/strict";
import type { Clock, Timer } from "@ropewalk/runtime";
import { entryCrc } from "../entry-crc.ts";
import { fileHeaderBytes } from "./file-header.ts";
import { isNoRoom, type JournalFile } from "./journal-file.ts";
import { JournalFileSupply, type JournalFileSupplyOptions } from "./journal-file-supply.ts";
import {
  bodyBytesOf,
  encodeRecordHead,
  type JournalPosition,
  recordBytes,
  type RecordContent,
  sealRecordHead,
} from "./journal-record.ts";
import { emptyHardState } from "../log-entry.ts";
import { LogError } from "../log-error.ts";
import { gatherRecord, RecordQueue } from "./record-queue.ts";

/** The end of an append in the queue: settled once every record queued before it is durable. */
interface Waiter {
  readonly recordNumber: number;
  readonly appendNumber: number;
  readonly resolve: () => void;
  readonly reject: (error: LogError) => void;
}

/** What the journal has done since it was opened, and what waits. */
export interface JournalStatistics {
  /** Gathered writes, each durable when it ended. */
  readonly flushCount: number;
  readonly flushedBytes: number;
  /** Appended but not durable yet. Who appends bounds it: an append cannot be refused for being one too many. */
  readonly queuedBytes: number;
  readonly fileCount: number;
  /** What the files take on disk, those that wait to be used again not counted. */
  readonly fileBytes: number;
}

/** Where a record was placed, and the CRCs of its entries' data. */
export interface PlacedRecord {
  readonly sequence: number;
  /** Where the data of the first entry begins; the others follow back to back. */
  readonly dataPosition: number;
  readonly dataCrcs: readonly number[];
}

/** What a journal is opened with: what recovery found. */
export interface JournalOptions extends JournalFileSupplyOptions {
  readonly clock: Clock;
  readonly files: ReadonlyMap<number, JournalFile>;
  /** Everything before is durable; what comes next goes into a new file. */
  readonly end: JournalPosition;
  /** Runs after a flush, with the number of the last append that is durable. */
  readonly onDurable: (appendNumber: number) => void;
  /** Runs once, when the journal takes no more appends. */
  readonly onFailed: (error: LogError) => void;
}

/** How long nothing is appended before the end of the journal is marked as durable. */
const idleBeforeMarkMs = 100;

/**
 * The writing side of the journal. Records get their place when they are appended; whatever was
 * appended while a flush was under way goes into the next one, which is one gathered write, durable when it
 * ends. A flush never spans two files, and the next begins only then: so every
 * record can carry a floor, the place before which the journal was durable when it was written.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #supply: JournalFileSupply;
  readonly #files: Map<number, JournalFile>;
  readonly #queue = new RecordQueue();
  readonly #waiters: Waiter[] = [];
  /** The last file of the process before. */
  readonly #recoveredSequence: number;
  #next: JournalPosition;
  #durable: JournalPosition;
  #recordsPlaced = 0;
  #recordsDurable = 0;
  #appends = 0;
  #placedBytes = 0;
  #flushedBytes = 0;
  #flushCount = 0;
  #flushing: Promise<void> | undefined;
  #failed: LogError | undefined;
  #closed = false;
  #idleTimer: Timer | undefined;
  #marking: Promise<void> | undefined;
  /** Nothing was placed behind the last mark, or at all. */
  #isEndMarked = true;
  /** Zeros found no room; not tried again before somebody says that there may be some. */
  #isShort = false;
  #isRolling = false;
  #grownBytes = 0;
  /** Ends the wait of a flush that found no room. */
  #goOn: (() => void) | undefined;
  #mustNotWait = false;
  #writingSinceMs: number | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#supply = new JournalFileSupply(options);
    this.#files = new Map(options.files);
    this.#next = { sequence: options.end.sequence + 1, position: fileHeaderBytes };
    this.#durable = options.end;
    this.#recoveredSequence = options.end.sequence;
  }

  /**
   * Begins a file with a mark that says where the one before ends, and waits for it. Nothing is ever
   * written behind a torn end, so that nothing there can be taken for a record again.
   */
  async begin(): Promise<void> {
    // Who opens a store on a full disk is told so.
    this.#mustNotWait = true;
    this.#placeMark();
    await this.commit();
    this.#mustNotWait = false;
  }

  /** Why the journal takes no more appends; reads go on. */
  get failed(): LogError | undefined {
    return this.#failed;
  }

  get statistics(): JournalStatistics {
    return {
      fileBytes: this.fileBytes,
      flushCount: this.#flushCount,
      flushedBytes: this.#flushedBytes,
      queuedBytes: this.queuedBytes,
      fileCount: this.#files.size,
    };
  }

  /** Appended but not durable yet. */
  get queuedBytes(): number {
    return this.#placedBytes - this.#flushedBytes;
  }

  /** What the files take on disk, those that wait to be used again not counted. */
  get fileBytes(): number {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += file.filledBytes;
    return bytes;
  }

  /** The number of the append that records placed now belong to. */
  get appendNumber(): number {
    return this.#appends + 1;
  }

  /** Every file with a name, by sequence. */
  get files(): ReadonlyMap<number, JournalFile> {
    return this.#files;
  }

  /** The file of the last flush: nothing more is written to those before it. */
  get activeSequence(): number {
    return this.#durable.sequence;
  }

  /** Where the next record will be placed. */
  get end(): JournalPosition {
    return this.#next;
  }

  /**
   * When the write or flush began that the disk has not finished yet, by the monotonic clock; `undefined` where it
   * has none to do. Waiting for room does not count.
   */
  get writingSinceMs(): number | undefined {
    return this.#writingSinceMs;
  }

  /** Whether the next file, or what is queued, found no room on the disk. */
  get isShort(): boolean {
    return this.isWaiting || isNoRoom(this.#supply.failure);
  }

  /** Whether what is queued waits for room on the disk. */
  get isWaiting(): boolean {
    return this.#goOn !== undefined;
  }

  /** Whether anything found no room since the last `retry`. */
  get mustRetry(): boolean {
    return this.#isShort || this.isShort;
  }

  /** There may be room (again): what found none is tried again. Resolves when the next file is ready, or is not. */
  async retry(): Promise<void> {
    const wasShort = isNoRoom(this.#supply.failure);
    this.#isShort = false;
    this.#goOn?.();
    if (wasShort) await this.#prepareWhole();
  }

  /** The disk is nearly full: writes so much ahead that there is something to write in when it is. */
  async secureRoom(bytes: number): Promise<void> {
    const { sequence, position } = this.#next;
    const { fileBytesMax } = this.#options.config;
    const file = this.#files.get(sequence);
    if (file !== undefined && !file.isFilling && !this.#closed) {
      await this.#fillAhead(file, Math.min(position + bytes, fileBytesMax));
    }
    if (position + bytes > fileBytesMax) await this.#prepareWhole();
  }

  /** While the disk is full, files that nobody needs are removed instead of being kept to be used again. */
  setDiskFull(isDiskFull: boolean): Promise<void> {
    return this.#closed ? Promise.resolve() : this.#supply.setDiskFull(isDiskFull);
  }

  /** Nothing waits for room from here on: the journal fails instead. For who wants to close it. */
  stopWaiting(): void {
    this.#mustNotWait = true;
    this.#goOn?.();
  }

  /** What the journal took from the disk since it was opened. */
  get grownBytes(): number {
    return this.#grownBytes + this.#supply.takenBytes;
  }

  /** What can be placed without asking the file system for more space; negative where the queue alone must. */
  get writableBytes(): number {
    const { sequence, position } = this.#next;
    const file = this.#files.get(sequence);
    if (file !== undefined) return file.filledBytes - position + this.#supply.readyBytes;
    // What is queued for the next file may be in none yet.
    return this.#supply.readyBytes - position;
  }

  /** Gives a record its place and queues it. It is written with the append that `commit` ends. */
  place(content: RecordContent): PlacedRecord {
    const bodyBytes = bodyBytesOf(content.entries);
    if (bodyBytes > this.#options.config.recordBytesMax) {
      assert.fail(`a record of ${bodyBytes} bytes`);
    }
    const bytes = recordBytes(bodyBytes);
    const { sequence, position } = this.#placeOf(bytes);
    const dataCrcs = content.entries.map(entryCrc);
    const head = encodeRecordHead(content, dataCrcs, position);
    const data = content.entries.map((entry) => entry.data);
    this.#queue.push({ sequence, position, head, data, bytes });
    this.#recordsPlaced++;
    this.#placedBytes += bytes;
    this.#isEndMarked = content.kind === "mark";
    this.#idleTimer?.cancel();
    this.#next = { sequence, position: position + bytes };
    return { sequence, dataPosition: position + head.length, dataCrcs };
  }

  /** Ends an append: resolves when everything placed so far is durable. Calls resolve in order. */
  commit(): Promise<void> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    this.#appends++;
    const committed = new Promise<void>((resolve, reject) => {
      const recordNumber = this.#recordsPlaced;
      this.#waiters.push({ recordNumber, appendNumber: this.#appends, resolve, reject });
    });
    this.#flushing ??= this.#flushAll();
    return committed;
  }

  /** Waits for what is under way, marks the end as durable, and closes every file. */
  async close(): Promise<void> {
    assert(!this.#closed, "the journal is closed already");
    this.#closed = true;
    this.#idleTimer?.cancel();
    await this.#flushing;
    await this.#marking;
    if (this.#failed === undefined && !this.#isEndMarked) await this.#markEnd();
    await this.#supply.close();
    for (const file of this.#files.values()) {
      await file.settled();
      await file.close();
    }
  }

  /**
   * Gives up the files before `sequence`: nobody needs their records, and nobody reads them any more. Those of the
   * process before from `damagedFrom` on are set aside, for they may be all there is of a damaged group.
   */
  async release(sequence: number, damagedFrom: number = Number.POSITIVE_INFINITY): Promise<void> {
    assert(sequence <= this.activeSequence, `release of files before ${sequence}`);
    for (const file of [...this.#files.values()]) {
      if (file.sequence >= sequence) continue;
      this.#files.delete(file.sequence);
      const isEvidence = file.sequence >= damagedFrom && file.sequence <= this.#recoveredSequence;
      await (isEvidence ? this.#supply.setAside(file) : this.#supply.release(file));
    }
  }

  async #prepareWhole(): Promise<void> {
    if (this.#closed || this.#isRolling) return;
    const last = Math.max(this.#durable.sequence, ...this.#files.keys());
    await this.#supply.prepareWhole(last + 1);
  }

  // The last flush has no successor that says it was durable, so damage there would pass for a torn
  // write. When nothing follows for a while, a mark says it.
  #markWhenIdle(): void {
    if (this.#closed || this.#failed !== undefined || this.#isEndMarked) return;
    this.#idleTimer?.cancel(); // An append of nothing ends here, too.
    this.#idleTimer = this.#options.clock.setTimer(idleBeforeMarkMs, () => {
      this.#marking = this.#markEnd();
    });
  }

  async #markEnd(): Promise<void> {
    this.#placeMark();
    await this.commit().catch((error: unknown) => {
      this.#options.logger.warn("The end of the journal could not be marked.", { error });
    });
    await this.#flushing;
  }

  #placeMark(): void {
    const key = { groupId: 0, incarnation: 0 };
    this.place({ kind: "mark", key, recordNumber: 0, hardState: emptyHardState, entries: [] });
  }

  #placeOf(bytes: number): JournalPosition {
    const { sequence, position } = this.#next;
    const fits = position + bytes <= this.#options.config.fileBytesMax;
    if (fits || position === fileHeaderBytes) return { sequence, position };
    return { sequence: sequence + 1, position: fileHeaderBytes };
  }

  // Never rejects: a failure is told to those who wait.
  async #flushAll(): Promise<void> {
    // Appends of the same turn share the first flush.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) await this.#flush();
      this.#settle();
    } catch (cause) {
      this.#fail(cause);
    }
    this.#flushing = undefined;
    this.#markWhenIdle();
  }

  async #flush(): Promise<void> {
    const records = this.#queue.takeGroup(this.#options.config.flushBytesMax);
    const first = records[0];
    assert(first !== undefined, "a flush of nothing");
    const file =
      this.#files.get(first.sequence) ??
      (await this.#withRoom(undefined, () => this.#roll(first.sequence)));
    const buffers: Uint8Array[] = [];
    let bytes = 0;
    for (const record of records) {
      sealRecordHead(record.head, file.salt, this.#durable);
      gatherRecord(record, buffers);
      bytes += record.bytes;
    }
    const filledBefore = file.filledBytes;
    await this.#withRoom(file, () => file.append(first.position, buffers, bytes));
    this.#grownBytes += file.filledBytes - filledBefore;
    this.#durable = { sequence: first.sequence, position: first.position + bytes };
    this.#recordsDurable += records.length;
    this.#flushedBytes += bytes;
    this.#flushCount++;
    this.#settle();
    this.#prepareAhead(file);
  }

  /**
   * Does what needs room on the disk; where there is none, it waits and does it again, for nothing is lost by
   * that. It comes to this only where somebody else takes the room faster than the store notices.
   */
  async #withRoom<T>(file: JournalFile | undefined, work: () => Promise<T>): Promise<T> {
    const { clock, config, logger } = this.#options;
    let timer: Timer | undefined;
    for (let attempt = 1; ; attempt++) {
      this.#writingSinceMs = clock.monotonicMs();
      try {
        return await work();
      } catch (error) {
        this.#writingSinceMs = undefined;
        const isPassing = isNoRoom(error) && (file?.isSound ?? true);
        if (!isPassing || this.#mustNotWait) throw error;
        if (attempt === 1) logger.error("The journal waits for room on the disk.", { error });
        await new Promise<void>((resolve) => {
          this.#goOn = resolve;
          timer = clock.setTimer(config.spaceCheckMs, resolve);
        });
        timer?.cancel();
        this.#goOn = undefined;
      } finally {
        this.#writingSinceMs = undefined;
      }
    }
  }

  #settle(): void {
    let settled = 0;
    for (const waiter of this.#waiters) {
      if (waiter.recordNumber > this.#recordsDurable) break;
      this.#options.onDurable(waiter.appendNumber);
      waiter.resolve();
      settled++;
    }
    this.#waiters.splice(0, settled);
  }

  #fail(cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const failure = new LogError(
      "STORAGE_FAILED",
      `Cannot append to the journal: ${reason}`,
      cause,
    );
    this.#queue.clear();
    if (this.#failed === undefined) {
      this.#failed = failure;
      this.#options.logger.error("The journal failed; nothing is appended to it any more.", {
        cause,
      });
      this.#options.onFailed(failure);
    }
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failed);
  }

  async #roll(sequence: number): Promise<JournalFile> {
    this.#isRolling = true;
    try {
      const file = await this.#supply.take(sequence);
      this.#files.set(sequence, file);
      return file;
    } finally {
      this.#isRolling = false;
    }
  }

  #prepareAhead(file: JournalFile): void {
    if (this.#closed || this.#isShort) return;
    const { fileBytesMax, fillAheadBytes } = this.#options.config;
    const { position } = this.#durable;
    const aheadBytes = Math.min(file.filledBytes, fileBytesMax) - position;
    const fillTo = Math.min(fileBytesMax, position + fillAheadBytes);
    const isWanted = file.filledBytes < fillTo && aheadBytes < fillAheadBytes / 2;
    if (isWanted && !file.isFilling && !file.isOvertaken) void this.#fillAhead(file, fillTo);
    if (position > fileBytesMax / 4) void this.#supply.prepare(file.sequence + 1);
  }

  async #fillAhead(file: JournalFile, fillTo: number): Promise<void> {
    const filledBefore = file.filledBytes;
    if (filledBefore >= fillTo) return;
    try {
      await file.fill(fillTo);
    } catch (error) {
      if (!file.isSound) this.#fail(error);
      this.#isShort = true;
    } finally {
      this.#grownBytes += Math.max(0, file.filledBytes - filledBefore);
    }
  }
}

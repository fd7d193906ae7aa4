import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { type GroupLog, type LogConfig, LogError, LogStore } from "@ropewalk/log";
import { batchBaseOffset, batchHeaderBytes } from "@ropewalk/protocol";
import { DiskError, type Logger } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import type { SeededRandom } from "../../packages/log/fakes/seeded-random.ts";
import { keyOf, sampleBatch, sampleEntry } from "../../packages/log/fakes/store-harness.ts";
import { waitFor } from "../cluster/wait-for.ts";
import type { Ballast } from "./ballast.ts";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** So small that everything a large store does happens many times before the disk is full. */
const config: Partial<LogConfig> = {
  journalBytesMax: 4 * mebibyte,
  fileBytesMax: mebibyte,
  fillAheadBytes: 256 * kibibyte,
  flushBytesMax: mebibyte,
  segmentBytesMax: 2 * mebibyte,
  cacheBytesMax: 256 * kibibyte,
  chunkCacheBytesMax: 256 * kibibyte,
  destageBytesPerSecondMax: 0,
  diskReserveBytes: 8 * mebibyte,
  spaceCheckMs: 20,
};

const groupCount = 4;
const appendsInFlightMax = 16;
const dataBytesMax = 64 * kibibyte;
const readBytes = mebibyte;
const hardStatesWhileFull = 20;
/** Time for the store to look at its disk, and to do what it then does. */
const lookMs = 100;
/** Nothing takes so long on a disk that answers. */
const deadlineMs = 20_000;

/** Who takes the last of the disk: the store itself, or somebody else, when it is full or in the middle of the load. */
type Filler = "store" | "other" | "otherAmid";

/** What is known of one group outside of the store. */
interface KnownGroup {
  readonly log: GroupLog;
  readonly batches: Map<number, { readonly crc: number; readonly recordCount: number }>;
  endOffset: number;
  lastIndex: number;
  startOffset: number;
  term: number;
}

/** What a run has met. */
interface FullDiskFigures {
  acknowledgedBytes: number;
  rounds: Record<Filler, number>;
  cutsWithoutRoom: number;
  opensWithoutRoom: number;
  opensWhileFull: number;
  waitedForRoom: number;
  /** So often the store made room for itself while it was full. */
  foundRoomAgain: number;
  resumedMsMax: number;
}

/** One store on one small disk, which is full again and again. */
export class FullStoreRun implements AsyncDisposable {
  readonly figures: FullDiskFigures = {
    acknowledgedBytes: 0,
    rounds: { store: 0, other: 0, otherAmid: 0 },
    cutsWithoutRoom: 0,
    opensWithoutRoom: 0,
    opensWhileFull: 0,
    waitedForRoom: 0,
    foundRoomAgain: 0,
    resumedMsMax: 0,
  };
  readonly #directory: string;
  readonly #ballast: Ballast;
  readonly #random: SeededRandom;
  #store: LogStore | undefined;
  readonly #groups = new Map<number, KnownGroup>();
  readonly #pending = new Set<Promise<void>>();
  #nextGroupId = 1;

  constructor(mountPoint: string, ballast: Ballast, random: SeededRandom) {
    this.#directory = join(mountPoint, "log");
    this.#ballast = ballast;
    this.#random = random;
  }

  /** Fills the disk, does all that must go on, makes room, and sees appends resume. */
  async round(): Promise<void> {
    await this.#open();
    const filler = (["store", "other", "otherAmid"] as const)[this.#random.integer(3)] ?? "store";
    this.figures.rounds[filler] += 1;
    const filled = filler === "otherAmid" ? this.#fillAmid() : Promise.resolve();
    await this.#appendUntilFull();
    await filled;
    if (filler !== "otherAmid") await this.#settledAndFull();
    if (filler === "other") await this.#ballast.fill();
    await this.#goOnWhileFull(filler);
    if (this.#random.chance(20)) await this.#reopenWhileFull();
    await this.#makeRoom();
  }

  /** Holds a store that was closed and opened again against all that was acknowledged. */
  async finish(): Promise<void> {
    await this.#close();
    await this.#open();
    for (const known of this.#groups.values()) await this.#checkWhole(known);
    await this.#close();
  }

  describe(): string {
    const { acknowledgedBytes, rounds, ...rest } = this.figures;
    const mebibytes = Math.round(acknowledgedBytes / mebibyte);
    return `${mebibytes} MiB acknowledged; rounds ${JSON.stringify(rounds)}; ${JSON.stringify(rest)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ballast.remove();
    await this.#store?.close();
  }

  get #opened(): LogStore {
    assert(this.#store !== undefined, "the store is closed");
    return this.#store;
  }

  async #open(): Promise<void> {
    if (this.#store !== undefined) return;
    const { clock, disk } = nodeRuntime();
    const directory = this.#directory;
    this.#store = await LogStore.open({ disk, clock, directory, config, logger: this.#logger });
    for (const [groupId, known] of [...this.#groups]) {
      const log = this.#store.group(keyOf(groupId));
      // A group is durable with its first write.
      if (log === undefined && known.lastIndex === 0 && known.term === 1) {
        this.#groups.delete(groupId);
        continue;
      }
      assert(log !== undefined, `group ${groupId} is lost`);
      assert.equal(log.quarantined, undefined);
      assert.equal(log.lastIndex(), known.lastIndex);
      assert.equal(log.endOffset(), known.endOffset);
      assert.equal(log.hardState.term, known.term);
      log.markCommitted(known.lastIndex);
      this.#groups.set(groupId, { ...known, log });
    }
    const here = [...this.#store.groups()].map(({ key }) => key.groupId);
    assert.deepEqual(new Set(here), new Set(this.#groups.keys()));
    this.#addGroups();
  }

  async #close(): Promise<void> {
    await this.#settled();
    await this.#store?.close();
    this.#store = undefined;
  }

  #addGroups(): void {
    while (this.#groups.size < groupCount) {
      const groupId = this.#nextGroupId++;
      const log = this.#opened.createGroup(keyOf(groupId), "neverExisted");
      const state = { endOffset: 0, lastIndex: 0, startOffset: 0, term: 1 };
      this.#groups.set(groupId, { log, batches: new Map(), ...state });
    }
  }

  async #fillAmid(): Promise<void> {
    await delay(this.#random.integer(100));
    await this.#ballast.fill();
  }

  /** Until the store still finds its disk full after another look: between looks it only estimates. */
  async #appendUntilFull(): Promise<void> {
    do {
      while (!this.#opened.isFull) {
        this.#append(this.#pick());
        if (this.#pending.size >= appendsInFlightMax) await this.#oneSettled();
      }
      await delay(lookMs);
    } while (!this.#opened.isFull);
  }

  /** The next that is acknowledged; where the journal waits for room, the store says soon that the disk is full. */
  async #oneSettled(): Promise<void> {
    const isFull = (): boolean => this.#opened.isFull;
    const before = this.#pending.size;
    const settled = Promise.race(this.#pending);
    const full = waitFor("an append or a full disk", deadlineMs, () => {
      return isFull() || this.#pending.size < before;
    });
    await Promise.race([settled, full]);
    await full;
  }

  #pick(): KnownGroup {
    const groups = [...this.#groups.values()];
    const known = groups[this.#random.integer(groups.length)];
    assert(known !== undefined);
    return known;
  }

  #append(known: KnownGroup): void {
    const recordCount = 1 + this.#random.integer(10);
    const bytes = batchHeaderBytes + 100 + this.#random.integer(dataBytesMax);
    const fill = this.#random.integer(256);
    const data = sampleBatch(known.endOffset, recordCount, bytes, fill);
    known.batches.set(known.endOffset, { crc: crc32(data), recordCount });
    known.endOffset += recordCount;
    const index = ++known.lastIndex;
    const entries = [sampleEntry(index, known.term, data)];
    const hardState = { term: known.term, vote: 1, commit: index - 1 };
    const { log } = known;
    const done = this.#opened.append([{ group: log, hardState, entries }]).then(() => {
      log.markCommitted(index);
      this.figures.acknowledgedBytes += bytes;
    });
    this.#own(done);
  }

  #own(done: Promise<void>): void {
    const owned = done.then(() => void this.#pending.delete(owned));
    owned.catch(() => undefined); // Told by `settled`, in which it stays.
    this.#pending.add(owned);
  }

  async #settled(): Promise<void> {
    await within("what was appended is durable", Promise.all(this.#pending));
  }

  /** All is durable and the disk is full still: what was under way when it got full may have given room back. */
  async #settledAndFull(): Promise<void> {
    await this.#settled();
    while (!this.#opened.isFull) {
      this.figures.foundRoomAgain += 1;
      await this.#appendUntilFull();
      await this.#settled();
    }
  }

  async #goOnWhileFull(filler: Filler): Promise<void> {
    await this.#checkReads(this.#pick());
    for (let count = 0; count < hardStatesWhileFull; count++) this.#appendHardState(this.#pick());
    // Where somebody else was faster than the store could see, it may have to wait for room.
    if (filler !== "otherAmid") await this.#settledAndFull();
    assert(this.#opened.isFull, "the disk is full");
    if (this.#pending.size === 0) {
      await this.#cut(this.#pick());
      if (this.#random.chance(50)) await this.#deleteGroup(this.#pick());
    }
    await this.#checkReads(this.#pick());
    assert.equal(this.#opened.failed, undefined);
  }

  #appendHardState(known: KnownGroup): void {
    known.term += 1;
    const hardState = { term: known.term, vote: 1, commit: known.lastIndex };
    this.#own(this.#opened.append([{ group: known.log, hardState, entries: [] }]));
  }

  async #deleteGroup({ log }: KnownGroup): Promise<void> {
    this.#groups.delete(log.key.groupId);
    await within("a group is deleted", this.#opened.deleteGroup(log.key));
    this.#addGroups();
  }

  /** Lets the older half go. Where there is no room at all, that may have to wait; it must not do harm. */
  async #cut(known: KnownGroup): Promise<boolean> {
    const { log } = known;
    const startOffset = Math.max(known.startOffset, known.endOffset >> 1);
    const image = Buffer.from(`${known.lastIndex}`);
    try {
      await within("an image is kept", this.#opened.saveImage(log, known.lastIndex, image));
      await within("history is cut", this.#opened.cut(log, { startOffset }));
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== "FULL") throw error;
      this.figures.cutsWithoutRoom += 1;
      return false;
    } finally {
      known.startOffset = startOffset;
    }
    return true;
  }

  /** Another start of the process, on the disk as it is. */
  async #reopenWhileFull(): Promise<void> {
    if (this.#pending.size > 0) return;
    await this.#close();
    try {
      await this.#open();
      this.figures.opensWhileFull += 1;
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof LogError)) throw error;
      assert.match(error.message, /no space left/i);
      this.figures.opensWithoutRoom += 1;
      this.#ballast.remove();
      await this.#open();
    }
  }

  async #makeRoom(): Promise<void> {
    this.#ballast.remove();
    const startMs = performance.now();
    await this.#settled();
    for (const known of this.#groups.values()) {
      assert(await this.#cut({ ...known }), "history is cut once there is room");
      known.startOffset = Math.max(known.startOffset, known.endOffset >> 1);
    }
    // What is cut has to fill segments before it can go: half of all that was written is wanted still.
    for (let cut = 0; cut < this.#groups.size && this.#opened.isFull; cut++) {
      await delay(50);
      if (this.#opened.isFull)
        await this.#deleteGroup([...this.#groups.values()][0] ?? this.#pick());
    }
    await waitFor("the disk has room again", deadlineMs, () => !this.#opened.isFull);
    for (const known of this.#groups.values()) this.#append(known);
    await this.#settled();
    const resumedMs = performance.now() - startMs;
    this.figures.resumedMsMax = Math.max(this.figures.resumedMsMax, Math.round(resumedMs));
  }

  /** Every record that is still there, unchanged, once and in order, as a consumer reads. */
  async #checkReads({ batches, endOffset, log, startOffset }: KnownGroup): Promise<void> {
    let offset = Math.max(startOffset, log.startOffset());
    while (offset < endOffset) {
      const read = await within("a read", Promise.resolve(log.read(offset, endOffset, readBytes)));
      assert(read.length > 0, `nothing at offset ${offset} of ${log.key.groupId}`);
      for (const batch of read) {
        const known = batches.get(batchBaseOffset(batch));
        assert(known !== undefined, `a batch at offset ${batchBaseOffset(batch)}`);
        assert.equal(crc32(batch), known.crc, `the batch at offset ${batchBaseOffset(batch)}`);
        offset = batchBaseOffset(batch) + known.recordCount;
      }
    }
    assert.equal(offset, Math.max(endOffset, startOffset));
  }

  async #checkWhole(known: KnownGroup): Promise<void> {
    assert(known.log.startOffset() <= known.startOffset, "more was cut than was asked for");
    await this.#checkReads(known);
  }

  readonly #logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (message) => {
      if (message.startsWith("The journal waits")) this.figures.waitedForRoom += 1;
    },
    child: () => this.#logger,
  };
}

async function within<T>(what: string, done: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(deadlineMs, undefined, { signal: timer.signal }).then(
    () => {
      throw new Error(`not within ${deadlineMs} ms: ${what}`);
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    timer.abort();
  }
}

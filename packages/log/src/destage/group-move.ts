import assert from "node:assert/strict";
import { type Clock, type Disk, DiskError } from "@ropewalk/runtime";
import type { CheckpointWriter } from "../checkpoint/checkpoint-writer.ts";
import type { GroupState } from "../group-state.ts";
import type { JournalFile } from "../journal/journal-file.ts";
import type { LogConfig } from "../log-config.ts";
import { LogError } from "../log-error.ts";
import { type ChunkEntry, chunkDataBytesMax, chunkEntriesMax } from "../segment/segment-chunk.ts";
import type { SegmentInfo } from "../segment/segment-info.ts";
import type { SegmentReader } from "../segment/segment-reader.ts";
import { SegmentWriter } from "../segment/segment-writer.ts";

/** What a move works with. */
export interface GroupMoveOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly clock: Clock;
  readonly config: LogConfig;
  /** The journal's files, by sequence. */
  readonly files: ReadonlyMap<number, JournalFile>;
  readonly segments: SegmentReader;
  readonly checkpoint: CheckpointWriter;
  readonly takeFileId: () => number;
  /** Stored bytes of a group are not what was written, or cannot be read. */
  readonly onDamaged: (state: GroupState, error: LogError) => void;
}

/** What concerns one group alone: bytes that are not what was written, or that the disk does not give. */
const groupFaults: ReadonlySet<string> = new Set(["DATA_DAMAGED", "READ_FAILED"]);

/**
 * Moves the entries of one group up to one index from the journal to its segments, in steps that its owner orders. The
 * data is copied from file to file and not looked at: its checksums go with it, so that damage is noticed by whoever
 * reads it, the scrubber if nobody else.
 */
export class GroupMove {
  readonly #options: GroupMoveOptions;
  readonly #state: GroupState;
  readonly #endIndex: number;
  readonly #pace: (bytes: number) => Promise<void>;
  readonly #writers: SegmentWriter[] = [];
  readonly #newPaths: string[] = [];
  /** The segment that was gone on with, as it was. */
  #resumed: SegmentInfo | undefined;
  #movedBytes = 0;
  /** Entries up to this one are dropped: nobody wants them. */
  readonly #droppedIndex: number;
  /** It came to nothing: the group was deleted, or is damaged. */
  #isGivenUp = false;

  constructor(
    options: GroupMoveOptions,
    state: GroupState,
    endIndex: number,
    pace: (bytes: number) => Promise<void>,
  ) {
    this.#options = options;
    this.#state = state;
    this.#endIndex = endIndex;
    this.#pace = pace;
    this.#droppedIndex = Math.min(endIndex, lastDroppable(state));
  }

  get hasNewFiles(): boolean {
    return this.#newPaths.length > 0;
  }

  get movedBytes(): number {
    return this.#movedBytes;
  }

  /** Writes the chunks. Damage is the group's alone: it is quarantined, and nothing of it moves. */
  async write(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      // The files of a group that was deleted meanwhile may be gone.
      this.#isGivenUp = true;
      if (this.#state.isDeleted) return;
      const isOfGroup = error instanceof LogError && groupFaults.has(error.reason);
      if (!isOfGroup) throw error;
      this.#state.isStuck = true;
      this.#options.onDamaged(this.#state, error);
    }
  }

  /** Makes what was written durable, and closes the files. */
  async sync(): Promise<void> {
    for (const writer of this.#writers) {
      await (this.#isGivenUp ? writer.abandon() : writer.finish());
    }
  }

  /** Makes what was moved what counts. */
  apply(): void {
    const state = this.#state;
    if (state.isDeleted || this.#isGivenUp) {
      for (const path of this.#newPaths) this.#options.checkpoint.removeLater(path);
      return;
    }
    const infos = this.#writers.map(({ info }) => info);
    const kept = state.segments.filter(({ fileId }) => !infos.some((i) => i.fileId === fileId));
    state.segments = [...kept, ...infos];
    for (const { info, rows } of this.#writers) {
      this.#options.segments.rowsChanged(state.key, info, rows);
    }
    const hasDropped = this.#droppedIndex > state.index.movedIndex;
    state.index.moveThrough(this.#endIndex);
    if (hasDropped) {
      state.raftFirstIndex = this.#droppedIndex + 1;
      state.index.forgetTermsBefore(this.#droppedIndex);
    }
  }

  /** Gives up: what was written is behind the end of what counts. */
  async abandon(): Promise<void> {
    for (const writer of this.#writers) await writer.abandon();
    for (const path of this.#newPaths) {
      await this.#options.disk.remove(path).catch(() => undefined);
    }
    // What was added takes room that a full disk lacks.
    if (this.#resumed !== undefined) await this.#cutBack(this.#resumed).catch(() => undefined);
  }

  async #cutBack(segment: SegmentInfo): Promise<void> {
    const { disk, segments } = this.#options;
    if (!this.#state.segments.includes(segment)) return;
    const file = await disk.open(segments.pathOf(this.#state.key, segment), "read-write");
    try {
      await file.truncate(segment.chunksEnd);
    } finally {
      await file.close();
    }
  }

  async #write(): Promise<void> {
    let next = Math.max(this.#state.index.movedIndex, this.#droppedIndex) + 1;
    while (next <= this.#endIndex && !this.#state.isDeleted) {
      const entries = this.#chunkFrom(next);
      const lastIndex = entries.at(-1)?.index ?? next;
      const writer = await this.#writer(next, this.#state.index.offsetAfter(next - 1));
      const before = writer.info.chunksEnd;
      await this.#orOfGroup(lastIndex, writer.append(entries, lastIndex));
      const bytes = writer.info.chunksEnd - before;
      this.#movedBytes += bytes;
      const isFull = writer.info.chunksEnd >= this.#segmentBytesMax;
      if (isFull) await this.#orOfGroup(lastIndex, writer.seal());
      await this.#pace(bytes);
      next = lastIndex + 1;
    }
    const last = this.#writers.at(-1);
    if (last !== undefined) await this.#orOfGroup(this.#endIndex, last.flush());
  }

  /** What fails because the journal cannot be read is the group's fault; what fails otherwise is the disk's. */
  async #orOfGroup(last: number, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (cause) {
      if (!(cause instanceof DiskError) || cause.code !== "SOURCE") throw cause;
      const message = `Cannot move entries up to ${last} out of the journal: ${cause.message}`;
      throw new LogError("READ_FAILED", message, cause);
    }
  }

  /** The entries of the next chunk. */
  #chunkFrom(firstIndex: number): ChunkEntry[] {
    const { index } = this.#state;
    const entries: ChunkEntry[] = [];
    let bytes = 0;
    for (let at = firstIndex; at <= this.#endIndex; at++) {
      bytes += index.dataBytes(at);
      if (entries.length > 0 && bytes > chunkDataBytesMax) break;
      if (entries.length === chunkEntriesMax) break;
      entries.push(this.#entry(at));
    }
    return entries;
  }

  #entry(at: number): ChunkEntry {
    const { index } = this.#state;
    const { dataBytes, dataCrc, dataPosition, sequence } = index.locate(at);
    const file = this.#options.files.get(sequence);
    if (file === undefined) {
      assert.fail(`entry ${at} is in journal file ${sequence}, which is gone`);
    }
    const [term, type, coverage] = [index.term(at), index.type(at), index.coverage(at)];
    const data = file.range(dataPosition, dataBytes);
    return { index: at, term, type, coverage, dataBytes, dataCrc, data };
  }

  async #writer(firstIndex: number, baseOffset: number): Promise<SegmentWriter> {
    const current = this.#writers.at(-1);
    if (current !== undefined && !current.info.isSealed) return current;
    const active = current === undefined ? this.#state.segments.at(-1) : undefined;
    const resumed = active === undefined ? undefined : await this.#resume(active);
    if (resumed !== undefined && !resumed.info.isSealed) return resumed;
    return this.#create(firstIndex, baseOffset);
  }

  /** Opens the group's last segment again; seals it where it has become too old to go on. */
  async #resume(active: SegmentInfo): Promise<SegmentWriter | undefined> {
    if (active.isSealed) return undefined;
    const { clock, config, disk, segments } = this.#options;
    const { key, segmentMsMax = config.segmentMsMax } = this.#state;
    const rows = await segments.rows(key, active);
    const file = disk.compose(segments.pathOf(key, active), "existing");
    const writer = SegmentWriter.resume(key, file, active, rows);
    this.#writers.push(writer);
    this.#resumed = active;
    const isFull = active.chunksEnd >= this.#segmentBytesMax || rows.length >= config.chunksMax;
    if (isFull || clock.wallMs() - active.createdMs >= segmentMsMax) await writer.seal();
    return writer;
  }

  #create(firstIndex: number, baseOffset: number): SegmentWriter {
    const { clock, disk, segments, takeFileId } = this.#options;
    const { key } = this.#state;
    const fileId = takeFileId();
    const path = segments.pathOf(key, { fileId });
    const file = disk.compose(path, "new");
    this.#newPaths.push(path);
    const createdMs = Math.max(0, Math.floor(clock.wallMs()));
    const segment = { fileId, firstIndex, baseOffset, createdMs, isCompacted: false };
    const writer = SegmentWriter.create(key, file, segment);
    this.#writers.push(writer);
    return writer;
  }

  get #segmentBytesMax(): number {
    return this.#state.segmentBytesMax ?? this.#options.config.segmentBytesMax;
  }
}

/**
 * The last entry that is not worth moving: nobody wants it or anything before it, and what it led to is
 * contained in an image.
 */
export function lastDroppable({
  cutIndex,
  image,
  index,
  segments,
  startOffset,
}: GroupState): number {
  if (segments.length > 0) return index.movedIndex;
  const firstWanted = Math.max(cutIndex, index.indexOfOffset(startOffset));
  return Math.max(index.movedIndex, Math.min(firstWanted - 1, image?.index ?? 0));
}

import assert from "node:assert/strict";
import type { Clock, Disk } from "@ropewalk/runtime";
import type { CheckpointWriter } from "../checkpoint/checkpoint-writer.ts";
import type { EntryReader } from "../entry-reader.ts";
import type { GroupState } from "../group-state.ts";
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
  readonly entries: EntryReader;
  readonly segments: SegmentReader;
  readonly checkpoint: CheckpointWriter;
  readonly takeFileId: () => number;
  /** Stored bytes of a group are not what was written, or cannot be read. */
  readonly onDamaged: (state: GroupState, error: LogError) => void;
}

/** What concerns one group alone: bytes that are not what was written, or that the disk does not give. */
const groupFaults: ReadonlySet<string> = new Set(["DATA_DAMAGED", "READ_FAILED"]);

/** What has become old enough to move is not read soon. */
const uncached = { caching: "uncached" } as const;

/** Entries of one chunk, on their way from the journal. */
interface LoadingChunk {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The offset before the first entry. */
  readonly baseOffset: number;
  readonly loading: Promise<ChunkEntry[]>;
}

/** Moves the entries of one group up to one index from the journal to its segments, in steps that its owner orders. */
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
  #damage: LogError | undefined;

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
      if (this.#state.isDeleted) return;
      const isOfGroup = error instanceof LogError && groupFaults.has(error.reason);
      if (!isOfGroup) throw error;
      this.#state.isStuck = true;
      this.#damage = error;
      this.#options.onDamaged(this.#state, error);
    }
  }

  async sync(): Promise<void> {
    for (const writer of this.#writers) {
      await writer.file.datasync();
      await writer.file.close();
    }
  }

  /** Makes what was moved what counts. */
  apply(): void {
    const state = this.#state;
    if (state.isDeleted || this.#damage !== undefined) {
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
    for (const { file } of this.#writers) await file.close().catch(() => undefined);
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
    let next = this.#loadFrom(Math.max(this.#state.index.movedIndex, this.#droppedIndex) + 1);
    while (next !== undefined && !this.#state.isDeleted) {
      const { baseOffset, firstIndex, lastIndex, loading } = next;
      const entries = await loading;
      // The next chunk is read while this one is written.
      next = this.#state.isDeleted ? undefined : this.#loadFrom(lastIndex + 1);
      next?.loading.catch(() => undefined); // Awaited in its turn, unless this write fails.
      const writer = await this.#writer(firstIndex, baseOffset);
      const before = writer.info.chunksEnd;
      await writer.append(entries, lastIndex);
      const bytes = writer.info.chunksEnd - before;
      this.#movedBytes += bytes;
      if (writer.info.chunksEnd >= this.#segmentBytesMax) await writer.seal();
      await this.#pace(bytes);
    }
  }

  /** Begins to load the chunk that begins with this entry; `undefined` behind the last one. */
  #loadFrom(firstIndex: number): LoadingChunk | undefined {
    if (firstIndex > this.#endIndex) return undefined;
    const indexes = this.#nextChunk(firstIndex);
    const lastIndex = indexes.at(-1) ?? firstIndex;
    const baseOffset = this.#state.index.offsetAfter(firstIndex - 1);
    return { firstIndex, lastIndex, baseOffset, loading: this.#load(indexes) };
  }

  #nextChunk(firstIndex: number): number[] {
    const { index } = this.#state;
    const indexes: number[] = [];
    let bytes = 0;
    for (let at = firstIndex; at <= this.#endIndex; at++) {
      bytes += index.dataBytes(at);
      if (indexes.length > 0 && bytes > chunkDataBytesMax) break;
      if (indexes.length === chunkEntriesMax) break;
      indexes.push(at);
    }
    return indexes;
  }

  /** The entries, from memory or from the journal. The group may be deleted meanwhile: nothing of it is asked then. */
  async #load(indexes: readonly number[]): Promise<ChunkEntry[]> {
    const { cached, index } = this.#state;
    const rows = indexes.map((at) => {
      const location = index.locate(at);
      const { dataCrc } = location;
      const shape = { index: at, term: index.term(at), type: index.type(at), dataCrc };
      return { shape, location, data: cached.get(at)?.data };
    });
    const missing = rows.filter(({ data }) => data === undefined);
    const read = await this.#options.entries.read(missing.map(({ location }) => location));
    let next = 0;
    return rows.map(({ shape, data = read[next++] }) => {
      assert(data !== undefined, `entry ${shape.index} was not loaded`);
      return { ...shape, data };
    });
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
    const file = await disk.open(segments.pathOf(key, active), "read-write", uncached);
    const writer = SegmentWriter.resume(key, file, active, rows);
    this.#writers.push(writer);
    this.#resumed = active;
    const isFull = active.chunksEnd >= this.#segmentBytesMax || rows.length >= config.chunksMax;
    if (isFull || clock.wallMs() - active.createdMs >= segmentMsMax) await writer.seal();
    return writer;
  }

  async #create(firstIndex: number, baseOffset: number): Promise<SegmentWriter> {
    const { clock, disk, segments, takeFileId } = this.#options;
    const { key } = this.#state;
    const fileId = takeFileId();
    const path = segments.pathOf(key, { fileId });
    const file = await disk.create(path, uncached);
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

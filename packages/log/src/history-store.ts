import { type Disk, DiskError, type Logger } from "@ropewalk/runtime";
import type { CheckpointWriter } from "./checkpoint/checkpoint-writer.ts";
import type {
  CompactedSegments,
  CompactionOutcome,
  CompactionRequest,
  Compactor,
} from "./compaction/compactor.ts";
import type { Destager } from "./destage/destager.ts";
import type { GroupState } from "./group-state.ts";
import { type ImageInfo, imageFileName, readImage, writeImage } from "./image/image-file.ts";
import type { Journal } from "./journal/journal.ts";
import type { HardState } from "./log-entry.ts";
import { quarantine } from "./journal/replay.ts";
import { LogError } from "./log-error.ts";
import type { SegmentInfo } from "./segment/segment-info.ts";
import type { SegmentReader } from "./segment/segment-reader.ts";
import { copySegment, type FetchSegment } from "./snapshot/segment-copy.ts";
import type { SnapshotManifest } from "./snapshot/snapshot-manifest.ts";

/** What of a group's history nobody needs any more: offsets before one, or entries before one, or both. */
export interface HistoryCut {
  readonly startOffset?: number | undefined;
  readonly index?: number | undefined;
}

/** What histories are changed with. */
export interface HistoryStoreOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  readonly journal: Journal;
  readonly segments: SegmentReader;
  readonly checkpoint: CheckpointWriter;
  readonly destager: Destager;
  readonly compactor: Compactor;
  readonly takeFileId: () => number;
  /** The disk failed for good. */
  readonly onFailed: (error: LogError) => void;
}

/**
 * Changes what the groups have outside of the journal: images, and which segments there are. Every change is first
 * written beside what is there, then named by a checkpoint, and only then is what it replaces removed. `LogStore`
 * says what each of them promises.
 */
export class HistoryStore {
  readonly #options: HistoryStoreOptions;
  readonly #running = new Set<Promise<unknown>>();
  #isStopped = false;

  constructor(options: HistoryStoreOptions) {
    this.#options = options;
  }

  /** Waits for what is under way; nothing begins any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.compactor.stop();
    await Promise.allSettled(this.#running);
  }

  saveImage(state: GroupState, index: number, body: Uint8Array): Promise<void> {
    return this.#run(() => this.#saveImage(state, index, body));
  }

  cut(state: GroupState, cut: HistoryCut): Promise<void> {
    return this.#run(() => this.#cut(state, cut));
  }

  compact(state: GroupState, request: CompactionRequest): Promise<CompactionOutcome | undefined> {
    return this.#run(() => this.#compact(state, request));
  }

  exportSnapshot(
    state: GroupState,
    index: number,
    image: Uint8Array,
  ): Promise<SnapshotManifest | undefined> {
    return this.#run(() => this.#exportSnapshot(state, index, image));
  }

  installSnapshot(
    state: GroupState,
    manifest: SnapshotManifest,
    hardState: HardState,
    fetch: FetchSegment,
  ): Promise<void> {
    return this.#run(() => this.#installSnapshot(state, manifest, hardState, fetch));
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    this.#assertRunning();
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (cause) {
      throw this.#failed(cause);
    } finally {
      this.#running.delete(running);
    }
  }

  /** A disk that cannot take an image or a segment is not one to acknowledge records on; a full one is passing. */
  #failed(cause: unknown): unknown {
    if (!(cause instanceof DiskError) || cause.code !== "IO" || this.#isStopped) return cause;
    const message = `Cannot write a group's history: ${cause.message}`;
    const failure = new LogError("STORAGE_FAILED", message, cause);
    this.#options.onFailed(failure);
    return failure;
  }

  #assertRunning(): void {
    if (this.#isStopped) throw new LogError("STORE_CLOSED", "The store is closed");
  }

  async #saveImage(state: GroupState, index: number, body: Uint8Array): Promise<void> {
    const { disk, directory } = this.#options;
    const fileId = this.#options.takeFileId();
    const path = disk.join(directory, imageFileName(state.key, fileId));
    try {
      await writeImage(disk, path, state.key, index, body);
      await disk.syncDirectory(directory);
    } catch (error) {
      // A disk that is full must get its room back.
      await disk.remove(path).catch(() => undefined);
      throw error;
    }
    const isLate = state.isDeleted || (state.image?.index ?? 0) > index; // A newer one was faster.
    if (isLate) this.#options.checkpoint.removeLater(path);
    else this.#replaceImage(state, { fileId, index });
    await this.#options.checkpoint.write();
  }

  async image(
    state: GroupState,
  ): Promise<{ readonly index: number; readonly body: Uint8Array } | undefined> {
    const { image, key } = state;
    if (image === undefined) return undefined;
    const { disk, directory } = this.#options;
    const path = disk.join(directory, imageFileName(key, image.fileId));
    return { index: image.index, body: await readImage(disk, path, key, image.index) };
  }

  async #cut(state: GroupState, { index = 0, startOffset = 0 }: HistoryCut): Promise<void> {
    state.cutIndex = Math.max(state.cutIndex, index);
    state.startOffset = Math.max(state.startOffset, startOffset);
    await this.#options.destager.exclusively(async () => {
      if (!state.isDeleted && this.#dropSegments(state)) await this.#options.checkpoint.write();
    });
  }

  async #compact(
    state: GroupState,
    request: CompactionRequest,
  ): Promise<CompactionOutcome | undefined> {
    const plan = this.#options.compactor.plan(state, request);
    const imageIndex = state.image?.index ?? 0;
    if (plan === undefined || (plan.dirty.at(-1)?.lastIndex ?? 0) > imageIndex) return undefined;
    const compacted = await this.#options.compactor.write(state, plan, request);
    if (compacted === undefined) return undefined;
    await this.#options.disk.syncDirectory(this.#options.directory);
    let outcome: CompactionOutcome | undefined;
    await this.#options.destager.exclusively(async () => {
      outcome = this.#replaceSegments(state, compacted);
      await this.#options.checkpoint.write();
    });
    return outcome;
  }

  async #exportSnapshot(
    state: GroupState,
    index: number,
    image: Uint8Array,
  ): Promise<SnapshotManifest | undefined> {
    await this.#options.journal.commit(); // What moves must be durable.
    let manifest: SnapshotManifest | undefined;
    await this.#options.destager.moveGroup(state, index, () => {
      if (state.index.movedIndex === index) manifest = describeHistory(state, image);
    });
    return manifest;
  }

  async readSegment(
    state: GroupState,
    fileId: number,
    position: number,
    length: number,
  ): Promise<Uint8Array> {
    if (!state.segments.some((segment) => segment.fileId === fileId)) {
      throw new LogError("READ_FAILED", `Group ${state.name} has no segment ${fileId} (any more)`);
    }
    const bytes = Buffer.allocUnsafeSlow(length);
    const bytesRead = await this.#options.segments.read(state.key, { fileId }, position, bytes);
    return bytes.subarray(0, bytesRead);
  }

  async #installSnapshot(
    state: GroupState,
    manifest: SnapshotManifest,
    hardState: HardState,
    fetch: FetchSegment,
  ): Promise<void> {
    const { disk, directory } = this.#options;
    const paths: string[] = [];
    try {
      const segments: SegmentInfo[] = [];
      for (const source of manifest.segments) {
        const fileId = this.#options.takeFileId();
        const path = this.#options.segments.pathOf(state.key, { fileId });
        paths.push(path);
        segments.push(await copySegment(disk, path, state.key, source, fileId, fetch));
        this.#assertRunning();
      }
      const image = { fileId: this.#options.takeFileId(), index: manifest.index };
      const imagePath = disk.join(directory, imageFileName(state.key, image.fileId));
      paths.push(imagePath);
      await writeImage(disk, imagePath, state.key, image.index, manifest.image);
      await disk.syncDirectory(directory);
      await this.#options.destager.exclusively(async () => {
        if (state.isDeleted) throw new LogError("GROUP_DELETED", `Group ${state.name} was deleted`);
        this.#replaceHistory(state, { ...manifest, segments }, hardState, image);
        await this.#options.checkpoint.write().catch((error: unknown) => {
          // What is in memory now is not on the disk: nobody may be told that it is.
          quarantine(state, "its new history could not be made durable");
          throw error;
        });
      });
    } catch (error) {
      // Where only the checkpoint failed, the group has the files already.
      const used = new Set(this.#pathsOf(state));
      for (const path of paths) if (!used.has(path)) this.#options.checkpoint.removeLater(path);
      throw error;
    }
  }

  /**
   * Removes the files of a deleted group, once its tombstone is durable: a start in between finds the group deleted,
   * whatever the checkpoint says.
   */
  removeFilesOf(state: GroupState, entombed: Promise<void>): Promise<void> {
    return this.#run(async () => {
      await entombed;
      await this.#removeFiles(state);
    });
  }

  async #removeFiles(state: GroupState): Promise<void> {
    const { disk, logger } = this.#options;
    for (const segment of state.segments) this.#options.segments.forget(state.key, segment);
    for (const path of this.#pathsOf(state)) {
      await disk.remove(path).catch((error: unknown) => {
        logger.warn("A file of a deleted group could not be removed.", { path, error });
      });
      this.#options.segments.removed(path);
    }
  }

  #pathsOf({ image, key, segments }: GroupState): string[] {
    const { disk, directory } = this.#options;
    const paths = segments.map((segment) => this.#options.segments.pathOf(key, segment));
    if (image !== undefined) paths.push(disk.join(directory, imageFileName(key, image.fileId)));
    return paths;
  }

  #replaceHistory(
    state: GroupState,
    manifest: SnapshotManifest,
    hardState: HardState,
    image: ImageInfo,
  ): void {
    for (const segment of state.segments) {
      this.#options.segments.forget(state.key, segment);
      this.#options.checkpoint.removeLater(this.#options.segments.pathOf(state.key, segment));
    }
    this.#replaceImage(state, image);
    state.replaceHistory(manifest, hardState);
  }

  /** Puts compacted segments in the place of those that they were made of, unless some of these are gone by now. */
  #replaceSegments(
    state: GroupState,
    { outcome, replaced, written }: CompactedSegments,
  ): CompactionOutcome | undefined {
    const ids = new Set(replaced.map(({ fileId }) => fileId));
    const first = state.segments.findIndex(({ fileId }) => ids.has(fileId));
    const found = state.segments.slice(Math.max(first, 0), Math.max(first, 0) + replaced.length);
    const isCurrent = !state.isDeleted && found.every(({ fileId }) => ids.has(fileId));
    const isWhole = isCurrent && found.length === replaced.length;
    for (const segment of isWhole ? replaced : written) {
      this.#options.segments.forget(state.key, segment);
      this.#options.checkpoint.removeLater(this.#options.segments.pathOf(state.key, segment));
    }
    if (!isWhole) return undefined;
    state.segments = state.segments.toSpliced(first, replaced.length, ...written);
    state.raftFirstIndex = Math.max(state.raftFirstIndex, outcome.lastIndex + 1);
    state.index.forgetTermsBefore(state.raftFirstIndex - 1);
    return outcome;
  }

  #replaceImage(state: GroupState, image: GroupState["image"]): void {
    const { disk, directory } = this.#options;
    const { image: old, key } = state;
    if (old !== undefined) {
      this.#options.checkpoint.removeLater(disk.join(directory, imageFileName(key, old.fileId)));
    }
    state.image = image;
  }

  /** Forgets the segments that nobody needs; answers whether there were any. */
  #dropSegments(state: GroupState): boolean {
    const { cutIndex, image, key, segments, startOffset } = state;
    const isNeeded = segments.findIndex(({ endOffset, lastIndex }) => {
      const isWanted = endOffset > startOffset && lastIndex >= cutIndex;
      return isWanted || lastIndex > (image?.index ?? 0);
    });
    const dropped = segments.slice(0, isNeeded === -1 ? segments.length : isNeeded);
    const last = dropped.at(-1);
    if (last === undefined) return false;
    state.segments = segments.slice(dropped.length);
    state.raftFirstIndex = Math.max(state.raftFirstIndex, last.lastIndex + 1);
    state.index.forgetTermsBefore(state.raftFirstIndex - 1);
    for (const segment of dropped) {
      this.#options.segments.forget(key, segment);
      this.#options.checkpoint.removeLater(this.#options.segments.pathOf(key, segment));
    }
    return true;
  }
}

function describeHistory(state: GroupState, image: Uint8Array): SnapshotManifest {
  const { index, raftFirstIndex, segments, startOffset } = state;
  return {
    index: index.movedIndex,
    endOffset: index.movedOffset,
    raftFirstIndex,
    startOffset,
    termRuns: [...index.termRuns()].filter(([startIndex]) => startIndex <= index.movedIndex),
    segments,
    image,
  };
}

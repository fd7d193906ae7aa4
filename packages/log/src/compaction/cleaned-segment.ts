import { batchDeleteHorizon } from "@ropewalk/protocol";
import type { Disk } from "@ropewalk/runtime";
import type { GroupKey, LogEntry } from "../log-entry.ts";
import {
  type ChunkEntry,
  chunkDataBytesMax,
  chunkEntriesMax,
  chunkEntryOf,
} from "../segment/segment-chunk.ts";
import type { SegmentInfo } from "../segment/segment-info.ts";
import { type NewSegment, SegmentWriter } from "../segment/segment-writer.ts";

/** A segment that compaction writes: entries are gathered to whole chunks. */
export class CleanedSegment {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #writer: SegmentWriter;
  #entries: ChunkEntry[] = [];
  #bytes = 0;
  #deleteHorizonMs = 0;
  #isFinished = false;

  private constructor(disk: Disk, path: string, writer: SegmentWriter) {
    this.#disk = disk;
    this.#path = path;
    this.#writer = writer;
  }

  static create(disk: Disk, path: string, key: GroupKey, segment: NewSegment): CleanedSegment {
    const file = disk.compose(path, "new");
    return new CleanedSegment(disk, path, SegmentWriter.create(key, file, segment));
  }

  /** The segment, once it is finished. */
  get info(): SegmentInfo {
    return { ...this.#writer.info, deleteHorizonMs: this.#deleteHorizonMs };
  }

  async add(entry: LogEntry): Promise<void> {
    const isFull = this.#bytes + entry.data.length > chunkDataBytesMax;
    if (this.#entries.length > 0 && (isFull || this.#entries.length === chunkEntriesMax)) {
      await this.#flush();
    }
    const added = chunkEntryOf(entry);
    this.#entries.push(added);
    this.#bytes += added.dataBytes;
    if (added.coverage === undefined) return;
    const horizonMs = batchDeleteHorizon(entry.data) ?? 0;
    const earliest = Math.min(this.#deleteHorizonMs || Infinity, horizonMs || Infinity);
    this.#deleteHorizonMs = earliest === Infinity ? 0 : earliest;
  }

  /** Seals and syncs it: it stands for all up to `lastIndex` and `endOffset`, whatever is left of that. */
  async finish(lastIndex: number, endOffset: number): Promise<void> {
    await this.#flush();
    this.#writer.extend(lastIndex, endOffset);
    await this.#writer.seal();
    await this.#writer.finish();
    this.#isFinished = true;
  }

  /** Gives up, and removes the file. */
  async abandon(): Promise<void> {
    if (!this.#isFinished) await this.#writer.abandon();
    await this.#disk.remove(this.#path).catch(() => undefined);
  }

  async #flush(): Promise<void> {
    const last = this.#entries.at(-1);
    if (last === undefined) return;
    await this.#writer.append(this.#entries, last.index);
    this.#entries = [];
    this.#bytes = 0;
  }
}

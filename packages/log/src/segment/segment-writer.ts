import assert from "node:assert/strict";
import type { ComposedFile, FilePiece } from "@ropewalk/runtime";
import type { GroupKey } from "../log-entry.ts";
import { readUint64 } from "../uint64.ts";
import type { SegmentInfo } from "./segment-info.ts";
import {
  chunkBytes,
  chunkEnd,
  type ChunkEntry,
  type ChunkHeader,
  decodeChunkHeader,
  encodeChunkHead,
  encodeChunkHeader,
} from "./segment-chunk.ts";
import {
  type ChunkRow,
  encodeSegmentHeader,
  encodeSegmentIndex,
  segmentHeaderBytes,
  segmentSalt,
} from "./segment-header.ts";

const zeros = new Uint8Array(segmentHeaderBytes);

/** Chunks are written together up to this size: each write wakes somebody. */
const writeBytesMax = 4 * 1024 * 1024;

/** And up to so many pieces, which take memory of their own: entries may be tiny. */
const writePiecesMax = 8192;

/** How a segment that has nothing in it yet is described. */
export interface NewSegment {
  readonly fileId: number;
  readonly firstIndex: number;
  readonly baseOffset: number;
  readonly createdMs: number;
  readonly isCompacted: boolean;
}

/**
 * Adds chunks to one segment. Nothing counts before the checkpoint names it, so what an earlier, unfinished
 * attempt left behind the last chunk is simply written over.
 */
export class SegmentWriter {
  readonly key: GroupKey;
  readonly #file: ComposedFile;
  readonly #salt: number;
  readonly #rows: ChunkRow[];
  #info: SegmentInfo;
  /** What was added and not written yet, and where it goes. */
  #pending: FilePiece[] = [];
  #pendingStart: number;

  private constructor(
    key: GroupKey,
    file: ComposedFile,
    info: SegmentInfo,
    rows: readonly ChunkRow[],
    isNew: boolean,
  ) {
    this.key = key;
    this.#file = file;
    this.#info = info;
    this.#rows = [...rows];
    this.#salt = segmentSalt({ key, fileId: info.fileId });
    this.#pendingStart = isNew ? 0 : info.chunksEnd;
    if (isNew) this.#pending.push(encodeSegmentHeader({ key, fileId: info.fileId }).bytes);
  }

  /** A writer for a new file. */
  static create(key: GroupKey, file: ComposedFile, segment: NewSegment): SegmentWriter {
    const { firstIndex, baseOffset } = segment;
    const info: SegmentInfo = {
      ...segment,
      lastIndex: firstIndex - 1,
      endOffset: baseOffset,
      maxTimestampMs: -1,
      chunksEnd: segmentHeaderBytes,
      chunkCount: 0,
      isSealed: false,
      deleteHorizonMs: 0,
    };
    return new SegmentWriter(key, file, info, [], true);
  }

  /** A writer that goes on where a segment ends; `rows` are those of its chunks. */
  static resume(
    key: GroupKey,
    file: ComposedFile,
    info: SegmentInfo,
    rows: readonly ChunkRow[],
  ): SegmentWriter {
    return new SegmentWriter(key, file, info, rows, false);
  }

  /** The segment with all that was added. */
  get info(): SegmentInfo {
    return this.#info;
  }

  /** Its chunks. */
  get rows(): readonly ChunkRow[] {
    return this.#rows;
  }

  /**
   * Adds a chunk, which is written with others before long. `lastIndex` lies behind its last entry where entries in
   * between are left out.
   */
  async append(entries: readonly ChunkEntry[], lastIndex: number): Promise<void> {
    const info = this.#info;
    const { head, header } = encodeChunkHead(entries, this.#salt, info.chunksEnd, info.endOffset);
    const data = entries.filter(({ dataBytes }) => dataBytes > 0).map((entry) => entry.data);
    this.#appended(header, lastIndex);
    await this.#add(head, ...data, ...paddingOf(header));
  }

  /**
   * Writes a chunk of another file, which had the same place there: verified, and not changed but for its salt. The
   * caller's memory is its own again when the promise settles.
   */
  async appendCopy(chunk: Buffer): Promise<void> {
    const info = this.#info;
    const header = decodeOwnHeader(chunk);
    assert(header.position === info.chunksEnd, `chunk ${header.position} at ${info.chunksEnd}`);
    encodeChunkHeader(chunk, header, this.#salt);
    this.#appended(header, header.lastIndex);
    await this.#add(chunk, ...paddingOf(header));
    await this.flush();
  }

  #appended(header: ChunkHeader, lastIndex: number): void {
    const info = this.#info;
    const bytes = chunkBytes(header);
    const maxTimestampMs = Math.max(info.maxTimestampMs, header.maxTimestampMs);
    const { entryCount, firstIndex, baseOffset, endOffset } = header;
    this.#rows.push({
      position: info.chunksEnd,
      bytes,
      entryCount,
      firstIndex,
      baseOffset,
      endOffset,
      maxTimestampMs,
    });
    this.#info = {
      ...info,
      lastIndex,
      endOffset,
      maxTimestampMs,
      chunksEnd: chunkEnd(header),
      chunkCount: info.chunkCount + 1,
    };
  }

  /** Extends what the segment stands for over entries and offsets that are left out of it: for compaction. */
  extend(lastIndex: number, endOffset: number): void {
    this.#info = { ...this.#info, lastIndex, endOffset };
  }

  /** Writes the index behind the chunks, without a sync: nothing may be added any more. */
  async seal(): Promise<void> {
    const { chunksEnd, lastIndex } = this.#info;
    this.#info = { ...this.#info, isSealed: true };
    await this.#add(encodeSegmentIndex(this.#rows, this.#salt, chunksEnd, lastIndex));
    await this.flush();
  }

  /** Writes what was added, without a sync. */
  async flush(): Promise<void> {
    const pieces = this.#pending;
    if (pieces.length === 0) return;
    const position = this.#pendingStart;
    this.#pending = [];
    this.#pendingStart += bytesOf(pieces);
    await this.#file.write(position, pieces);
  }

  /** Makes the segment durable, and closes it. */
  async finish(): Promise<void> {
    await this.flush();
    await this.#file.finish();
  }

  /** Closes the file as it is. Never rejects. */
  abandon(): Promise<void> {
    return this.#file.abandon();
  }

  async #add(...pieces: readonly FilePiece[]): Promise<void> {
    for (const piece of pieces) this.#pending.push(piece);
    const isLarge = this.#info.chunksEnd - this.#pendingStart >= writeBytesMax;
    if (isLarge || this.#pending.length >= writePiecesMax) await this.flush();
  }
}

function bytesOf(pieces: readonly FilePiece[]): number {
  return pieces.reduce(
    (sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.bytes),
    0,
  );
}

/** Zeros up to where the next chunk begins. */
function paddingOf(header: ChunkHeader): Uint8Array[] {
  const bytes = chunkEnd(header) - header.position - chunkBytes(header);
  return bytes === 0 ? [] : [zeros.subarray(0, bytes)];
}

/** The header of a chunk that was verified as one of its file. */
function decodeOwnHeader(chunk: Buffer): ChunkHeader {
  const header = decodeChunkHeader(chunk, chunk.readUInt32BE(8), readUint64(chunk, 16));
  assert(header !== undefined, "a chunk that was verified");
  return header;
}

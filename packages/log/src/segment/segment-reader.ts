import type { Disk, DiskFile } from "@ropewalk/runtime";
import type { GroupKey } from "../log-entry.ts";
import { LogError } from "../log-error.ts";
import { type HeldMemory, ReadMemory } from "../read-memory.ts";
import { RecentMap } from "../recent-map.ts";
import {
  type Chunk,
  type ChunkChecks,
  chunkBytes,
  chunkEnd,
  chunkHeaderBytes,
  decodeChunk,
  decodeChunkHeader,
} from "./segment-chunk.ts";
import {
  checkSegmentHeader,
  type ChunkRow,
  decodeSegmentIndex,
  indexRowBytes,
  segmentFooterBytes,
  segmentHeaderBytes,
  segmentSalt,
  segmentVersion,
} from "./segment-header.ts";
import { type SegmentInfo, segmentFileName } from "./segment-info.ts";
import type { VerifiedLately } from "./verified-lately.ts";

/** Bounds of what is kept open and in memory for reading segments. */
export interface SegmentReaderLimits {
  readonly openFilesMax: number;
  /** Chunks that were read lately. */
  readonly chunkCacheBytesMax: number;
  /** Indexes of segments, counted in rows of 100 bytes. */
  readonly indexCacheBytesMax: number;
}

/** A chunk in memory. */
interface HeldChunk extends HeldMemory {
  readonly chunk: Chunk;
  /** What was verified: `head` only where all was verified lately, and a consumer asked. */
  checks: ChunkChecks;
}

interface OpenFile {
  readonly file: Promise<DiskFile>;
}

const rowBytesInMemory = 100;

/** Chunks that are read ahead at the same time. With more readers than that, some wait for their own. */
const readsAheadMax = 8;

/**
 * Reads segments: a chunk's place from the index at the end of the file, which is kept for a while, then the
 * chunk with one read. Everything is verified before anybody sees it, but that consumers get what was verified a moment
 * before (`VerifiedLately`).
 */
export class SegmentReader {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #files: RecentMap<OpenFile>;
  readonly #rows: RecentMap<readonly ChunkRow[]>;
  readonly #chunks: RecentMap<HeldChunk>;
  readonly #memory: ReadMemory;
  readonly #verified: VerifiedLately | undefined;
  readonly #loading = new Map<string, Promise<HeldChunk>>();
  #readsAhead = 0;

  constructor(
    disk: Disk,
    directory: string,
    limits: SegmentReaderLimits,
    memory: ReadMemory = new ReadMemory(),
    verified?: VerifiedLately,
  ) {
    this.#memory = memory;
    this.#verified = verified;
    this.#disk = disk;
    this.#directory = directory;
    this.#files = new RecentMap<OpenFile>(limits.openFilesMax, () => 1, closeFile);
    this.#rows = new RecentMap<readonly ChunkRow[]>(
      limits.indexCacheBytesMax,
      (rows) => rows.length * rowBytesInMemory,
      () => undefined,
    );
    this.#chunks = new RecentMap<HeldChunk>(limits.chunkCacheBytesMax, heldBytes, (held) =>
      this.#memory.uncached(held),
    );
  }

  /** Where a segment's file is. */
  pathOf(key: GroupKey, { fileId }: Pick<SegmentInfo, "fileId">): string {
    return this.#disk.join(this.#directory, segmentFileName(key, fileId));
  }

  /** The chunks of a segment: one read where it is sealed, otherwise one for each chunk. */
  async rows(key: GroupKey, info: SegmentInfo): Promise<readonly ChunkRow[]> {
    const name = segmentFileName(key, info.fileId);
    const known = this.#rows.get(name);
    if (known !== undefined && known.length >= info.chunkCount)
      return known.slice(0, info.chunkCount);
    const rows = info.isSealed ? await this.#readIndex(key, info) : await this.#walk(key, info);
    this.#rows.set(name, rows);
    return rows;
  }

  /** Says what the chunks of a segment are now, as its writer knows. */
  rowsChanged(key: GroupKey, info: SegmentInfo, rows: readonly ChunkRow[]): void {
    this.#rows.set(segmentFileName(key, info.fileId), [...rows]);
  }

  /**
   * Slices of a chunk, by `pick`, that are lent: their memory is used again after `ReadMemory.giveBack`. Synchronously where the
   * chunk is in memory. Rejects as `chunk` does.
   */
  borrow(
    key: GroupKey,
    info: SegmentInfo,
    row: ChunkRow,
    pick: (chunk: Chunk) => readonly Uint8Array[],
  ): readonly Uint8Array[] | Promise<readonly Uint8Array[]> {
    const known = this.#trusted(chunkName(key, info, row));
    const lend = (held: HeldChunk): readonly Uint8Array[] => {
      const slices = pick(held.chunk);
      if (slices.length > 0) this.#memory.lend(held, slices);
      return slices;
    };
    return known === undefined ? this.#load(key, info, row, lend) : lend(known);
  }

  /** Begins to read a chunk that will be wanted soon, where the one before it is in memory: somebody reads on and on. */
  readAhead(key: GroupKey, info: SegmentInfo, rows: readonly ChunkRow[], at: number): void {
    const [before, wanted] = [rows[at - 2], rows[at]];
    if (before === undefined || wanted === undefined) return;
    const isReadOn = this.#chunks.has(chunkName(key, info, before));
    if (!isReadOn || this.#chunks.has(chunkName(key, info, wanted))) return;
    if (this.#readsAhead >= readsAheadMax) return;
    this.#readsAhead++;
    this.#read(key, info, wanted)
      .catch(() => undefined) // Whoever wants it tries again, and hears of it.
      .finally(() => this.#readsAhead--);
  }

  /** The rows of a segment that are in memory. */
  cachedRows(key: GroupKey, info: SegmentInfo): readonly ChunkRow[] | undefined {
    const rows = this.#rows.get(segmentFileName(key, info.fileId));
    return rows !== undefined && rows.length >= info.chunkCount
      ? rows.slice(0, info.chunkCount)
      : undefined;
  }

  /**
   * A chunk, verified, and kept in memory for a while; the caller may hold it for as long as it likes. Rejects with
   * DATA_DAMAGED or READ_FAILED.
   */
  async chunk(key: GroupKey, info: SegmentInfo, row: ChunkRow): Promise<Chunk> {
    const known = this.#chunks.get(chunkName(key, info, row));
    const keep = (held: HeldChunk): Chunk => {
      this.#verifyAll(key, info, row, held);
      held.readers = Infinity; // It does not say when it is done.
      return held.chunk;
    };
    return known === undefined ? this.#load(key, info, row, keep) : keep(known);
  }

  async #load<T>(
    key: GroupKey,
    info: SegmentInfo,
    row: ChunkRow,
    use: (held: HeldChunk) => T,
  ): Promise<T> {
    let held = await this.#read(key, info, row);
    // What was pushed out again before it could be used may be something else by now.
    while (!held.isCached) held = await this.#read(key, info, row);
    return use(held);
  }

  /** Reads a chunk once, however many want it at the same time. */
  #read(key: GroupKey, info: SegmentInfo, row: ChunkRow): Promise<HeldChunk> {
    const name = chunkName(key, info, row);
    const known = this.#loading.get(name);
    if (known !== undefined) return known;
    const loading = this.#readHeld(key, info, row).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async #readHeld(key: GroupKey, info: SegmentInfo, row: ChunkRow): Promise<HeldChunk> {
    const name = chunkName(key, info, row);
    const memory = this.#memory.take(row.bytes);
    let checks: ChunkChecks = this.#verified?.has(name) === true ? "head" : "all";
    let chunk = await this.#readChunk(key, info, row, memory, checks);
    if (checks === "head" && this.#verified?.isSame(name, chunk) !== true) {
      checks = "all";
      chunk = await this.#readChunk(key, info, row, memory, checks);
    }
    if (checks === "all") this.#verified?.add(name, chunk);
    const held: HeldChunk = { chunk, memory, readers: 0, isCached: true, checks };
    this.#chunks.set(name, held);
    return held;
  }

  /** A chunk in memory that may be given to a consumer: what was believed for a while is read again after it. */
  #trusted(name: string): HeldChunk | undefined {
    const held = this.#chunks.get(name);
    if (held?.checks !== "head" || this.#verified?.has(name) === true) return held;
    this.#chunks.delete(name);
    return undefined;
  }

  /** Verifies what is left to be verified of a chunk in memory. */
  #verifyAll(
    key: GroupKey,
    info: SegmentInfo,
    { position, bytes }: ChunkRow,
    held: HeldChunk,
  ): void {
    if (held.checks === "all") return;
    const salt = segmentSalt({ key, fileId: info.fileId });
    if (decodeChunk(held.memory.subarray(0, bytes), salt, position) === undefined) {
      const name = chunkName(key, info, { position });
      this.#chunks.delete(name);
      this.#verified?.delete(name);
      throw this.#damaged(key, info, position, position + bytes);
    }
    held.checks = "all";
  }

  /**
   * Reads a chunk into the beginning of `target`, which must have room for it, and verifies it: for who
   * reads much and keeps nothing. The chunk's data are slices of `target`.
   */
  readChunk(key: GroupKey, info: SegmentInfo, row: ChunkRow, target: Buffer): Promise<Chunk> {
    return this.#readChunk(key, info, row, target, "all");
  }

  async #readChunk(
    key: GroupKey,
    info: SegmentInfo,
    { position, bytes }: ChunkRow,
    target: Buffer,
    checks: ChunkChecks,
  ): Promise<Chunk> {
    const piece = target.subarray(0, bytes);
    const bytesRead = await this.read(key, info, position, piece);
    const salt = segmentSalt({ key, fileId: info.fileId });
    const chunk = bytesRead < bytes ? undefined : decodeChunk(piece, salt, position, checks);
    if (chunk !== undefined) return chunk;
    this.#verified?.delete(chunkName(key, info, { position }));
    throw this.#damaged(key, info, position, position + bytes);
  }

  /** Raw bytes of a segment's file, as many as there are. Rejects with READ_FAILED. */
  async read(
    key: GroupKey,
    info: Pick<SegmentInfo, "fileId">,
    position: number,
    target: Buffer,
  ): Promise<number> {
    const path = this.pathOf(key, info);
    const attempt = async (): Promise<number> =>
      (await this.#open(key, info)).read(position, target);
    try {
      // A file that others pushed out meanwhile is closed: it is opened again.
      return await attempt().catch(() => {
        this.#files.delete(segmentFileName(key, info.fileId));
        return attempt();
      });
    } catch (cause) {
      throw new LogError("READ_FAILED", `Cannot read ${path}: the disk failed`, cause);
    }
  }

  /** Checks the beginning of a segment's file. Rejects with DATA_DAMAGED, FORMAT_UNSUPPORTED or READ_FAILED. */
  async checkHeader(key: GroupKey, info: SegmentInfo): Promise<void> {
    const bytes = Buffer.alloc(segmentHeaderBytes);
    await this.read(key, info, 0, bytes);
    const outcome = checkSegmentHeader(bytes, { key, fileId: info.fileId });
    if (outcome === "damaged") throw this.#damaged(key, info, 0, segmentHeaderBytes);
    if (outcome !== "newer") return;
    throw new LogError(
      "FORMAT_UNSUPPORTED",
      `Cannot read ${this.pathOf(key, info)}: its format is newer than ${segmentVersion}, which this broker knows`,
    );
  }

  /** Checks the index of a sealed segment. Rejects with DATA_DAMAGED or READ_FAILED. */
  async checkIndex(key: GroupKey, info: SegmentInfo): Promise<void> {
    if ((await this.#decodeIndex(key, info)) !== undefined) return;
    const end = info.chunksEnd + info.chunkCount * indexRowBytes + segmentFooterBytes;
    throw this.#damaged(key, info, info.chunksEnd, end);
  }

  /** Forgets a segment whose file is or will be gone. */
  forget(key: GroupKey, { fileId }: Pick<SegmentInfo, "fileId">): void {
    const name = segmentFileName(key, fileId);
    this.#files.delete(name);
    this.#rows.delete(name);
    for (const chunk of this.#chunks.names()) {
      if (chunk.startsWith(`${name}@`)) this.#chunks.delete(chunk);
    }
  }

  /** A file is gone: whoever was reading it when it was forgotten may have opened it once more. */
  removed(path: string): void {
    for (const name of this.#files.names()) {
      if (this.#disk.join(this.#directory, name) === path) this.#files.delete(name);
    }
  }

  /** Closes every file. */
  async close(): Promise<void> {
    const files = this.#files.names().map((name) => this.#files.get(name)?.file);
    for (const file of files) await (await file?.catch(() => undefined))?.close();
  }

  async #open(key: GroupKey, info: Pick<SegmentInfo, "fileId">): Promise<DiskFile> {
    const name = segmentFileName(key, info.fileId);
    const known = this.#files.get(name);
    if (known !== undefined) return known.file;
    const file = this.#disk.open(this.pathOf(key, info), "read");
    this.#files.set(name, { file });
    // A failure is not kept: the next reader tries again.
    file.catch(() => this.#files.delete(name));
    return file;
  }

  async #readIndex(key: GroupKey, info: SegmentInfo): Promise<readonly ChunkRow[]> {
    // An index is a copy of what the chunks say: where it is damaged, they are asked.
    return (await this.#decodeIndex(key, info)) ?? this.#walk(key, info);
  }

  async #decodeIndex(key: GroupKey, info: SegmentInfo): Promise<readonly ChunkRow[] | undefined> {
    const { chunkCount, chunksEnd, fileId } = info;
    const bytes = Buffer.alloc(chunkCount * indexRowBytes + segmentFooterBytes);
    const bytesRead = await this.read(key, info, chunksEnd, bytes);
    const salt = segmentSalt({ key, fileId });
    return bytesRead < bytes.length ? undefined : decodeSegmentIndex(bytes, salt, chunksEnd);
  }

  async #walk(key: GroupKey, info: SegmentInfo): Promise<readonly ChunkRow[]> {
    const salt = segmentSalt({ key, fileId: info.fileId });
    const rows: ChunkRow[] = [];
    let maxTimestampMs = -1;
    for (let position = segmentHeaderBytes; position < info.chunksEnd;) {
      const bytes = Buffer.alloc(chunkHeaderBytes);
      await this.read(key, info, position, bytes);
      const header = decodeChunkHeader(bytes, salt, position);
      if (header === undefined) throw this.#damaged(key, info, position, info.chunksEnd);
      const { entryCount, firstIndex, baseOffset, endOffset } = header;
      maxTimestampMs = Math.max(maxTimestampMs, header.maxTimestampMs);
      rows.push({
        position,
        bytes: chunkBytes(header),
        entryCount,
        firstIndex,
        baseOffset,
        endOffset,
        maxTimestampMs,
      });
      position = chunkEnd(header);
    }
    return rows;
  }

  #damaged(key: GroupKey, info: SegmentInfo, position: number, end: number): LogError {
    return new LogError(
      "DATA_DAMAGED",
      `The bytes [${position}, ${end}) of ${this.pathOf(key, info)} are not what was written`,
    );
  }
}

function chunkName(key: GroupKey, info: SegmentInfo, row: Pick<ChunkRow, "position">): string {
  return `${segmentFileName(key, info.fileId)}@${row.position}`;
}

function heldBytes({ chunk, memory }: HeldChunk): number {
  return Math.max(chunkBytes(chunk.header), memory.length);
}

function closeFile({ file }: OpenFile): void {
  file.then(
    (opened) => opened.close(),
    () => undefined,
  );
}

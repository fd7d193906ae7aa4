import type { Disk } from "@ropewalk/runtime";
import type { GroupKey } from "../log-entry.ts";
import { LogError } from "../log-error.ts";
import {
  chunkBytes,
  chunkHeaderBytes,
  decodeChunk,
  decodeChunkHeader,
} from "../segment/segment-chunk.ts";
import {
  checkSegmentHeader,
  segmentHeaderBytes,
  segmentIncarnation,
  segmentSalt,
} from "../segment/segment-header.ts";
import type { SegmentInfo } from "../segment/segment-info.ts";
import { SegmentWriter } from "../segment/segment-writer.ts";

/** Reads bytes [position, position + length) of a segment's file on another broker: all of them, or it rejects. */
export type FetchSegment = (
  fileId: number,
  position: number,
  length: number,
) => Promise<Uint8Array>;

/** One request brings this much. */
const pieceBytes = 1024 * 1024;

/** The bytes of a file on another broker, fetched in pieces. */
class RemoteFile {
  readonly #fetch: FetchSegment;
  readonly #info: SegmentInfo;
  #piece: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(info: SegmentInfo, fetch: FetchSegment) {
    this.#info = info;
    this.#fetch = fetch;
  }

  async bytesAt(position: number, length: number): Promise<Buffer> {
    const end = position + length;
    if (end > this.#info.chunksEnd) throw this.#damaged(position);
    if (position < this.#start || end > this.#start + this.#piece.length) {
      const wanted = Math.min(Math.max(length, pieceBytes), this.#info.chunksEnd - position);
      const bytes = await this.#fetch(this.#info.fileId, position, wanted);
      if (bytes.length < length) throw this.#damaged(position);
      this.#piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#start = position;
    }
    return this.#piece.subarray(position - this.#start, end - this.#start);
  }

  #damaged(position: number): LogError {
    return new LogError(
      "DATA_DAMAGED",
      `The segment ${this.#info.fileId} of another broker is not what it should be at ${position}`,
    );
  }

  /** What the chunks of the file repeat. A replica there may be another incarnation of the group than the one here. */
  async salt({ groupId }: GroupKey): Promise<number> {
    const bytes = await this.bytesAt(0, segmentHeaderBytes);
    const incarnation = segmentIncarnation(bytes);
    const header = { key: { groupId, incarnation }, fileId: this.#info.fileId };
    if (checkSegmentHeader(bytes, header) !== "sound") throw this.#damaged(0);
    return segmentSalt(header);
  }

  async chunkAt(salt: number, position: number): Promise<Buffer> {
    const header = decodeChunkHeader(
      await this.bytesAt(position, chunkHeaderBytes),
      salt,
      position,
    );
    if (header === undefined) throw this.#damaged(position);
    const bytes = await this.bytesAt(position, chunkBytes(header));
    if (decodeChunk(bytes, salt, position) === undefined) throw this.#damaged(position);
    return bytes;
  }
}

/**
 * Copies a segment of another broker into a file of this one, chunk by chunk, each verified, and syncs it. The
 * file's name is durable after the directory's next sync. Answers the segment as it is here.
 */
export async function copySegment(
  disk: Disk,
  path: string,
  key: GroupKey,
  source: SegmentInfo,
  fileId: number,
  fetch: FetchSegment,
): Promise<SegmentInfo> {
  const remote = new RemoteFile(source, fetch);
  const { baseOffset, createdMs, firstIndex, isCompacted } = source;
  const segment = { fileId, firstIndex, baseOffset, createdMs, isCompacted };
  const writer = SegmentWriter.create(key, disk.compose(path, "new"), segment);
  try {
    const salt = await remote.salt(key);
    for (let position = segmentHeaderBytes; position < source.chunksEnd;) {
      const bytes = await remote.chunkAt(salt, position);
      await writer.appendCopy(bytes);
      position = writer.info.chunksEnd;
    }
    writer.extend(source.lastIndex, source.endOffset);
    if (source.isSealed) await writer.seal();
    await writer.finish();
    return writer.info;
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

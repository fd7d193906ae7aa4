import { ByteReader, ByteWriter, crc32c } from "@ropewalk/protocol";
import { directoryIdBytes } from "../journal/file-header.ts";
import type { JournalPosition } from "../journal/journal-record.ts";
import type { ImageInfo } from "../image/image-file.ts";
import type { GroupKey, HardState } from "../log-entry.ts";
import type { SegmentInfo } from "../segment/segment-info.ts";
import { readUint64, writeUint64 } from "../uint64.ts";

/*
 * A checkpoint: what every group is beyond the records in the journal. It is the authority on which segments
 * and images there are and how much of them counts. It lies in `checkpoint-0a` and `checkpoint-0b`, or in
 * `checkpoint-1a` and `checkpoint-1b`, by turns: two copies each time, written over in place and synced. All
 * numbers are big-endian; "v" is an unsigned varint, seven bits a byte, the lowest first.
 *
 *   position  bytes  field
 *          0      8  magic         "RWCHECKP"
 *          8      4  version       1
 *         12      4  body CRC      CRC-32C
 *         16     16  directory id
 *         32      8  number        from 1; the highest sound one counts
 *         40      8  body bytes
 *         48     12  zeros
 *         60      4  CRC-32C of [0, 60)
 *         64      …  body
 *
 *   body: next file id v | start sequence v | durable sequence v, position v | damage: length v, UTF-8 |
 *         group count v | groups
 *   group: group id v | incarnation v | term v | vote v | commit v | first record number v |
 *          next record number v | moved index v | moved offset v | raft first index v | start offset v |
 *          cut index v | broken: length v, UTF-8 | image: file id v (0: none), index v |
 *          run count v | per run: start index v, term v | segment count v | segments
 *   segment: file id v | first index v | last index v | base offset v | end offset v |
 *            max timestamp + 1 v | chunks end v | chunk count v | created ms v | flags 1 (1 sealed, 2 compacted) |
 *            delete horizon v
 */

const headerBytes = 64;
const crcAt = 60;
const version = 1;
const magic = Buffer.from("RWCHECKP", "latin1");
const sealedFlag = 1;
const compactedFlag = 2;

/** What a checkpoint says of one group. */
export interface GroupRow {
  readonly key: GroupKey;
  readonly hardState: HardState;
  /** Records from this one on are in the journal, from the start sequence on. */
  readonly firstRecordNumber: number;
  /** How many records the group had. */
  readonly nextRecordNumber: number;
  /** Entries up to this one are in segments or cut. */
  readonly movedIndex: number;
  readonly movedOffset: number;
  readonly raftFirstIndex: number;
  readonly startOffset: number;
  readonly cutIndex: number;
  /** Why the group cannot be used; empty: it can. */
  readonly broken: string;
  readonly image: ImageInfo | undefined;
  readonly termRuns: readonly (readonly [startIndex: number, term: number])[];
  readonly segments: readonly SegmentInfo[];
}

/** A whole checkpoint. */
export interface Checkpoint {
  readonly number: number;
  readonly directoryId: Uint8Array;
  /** Files of segments and images get ids from here on. */
  readonly nextFileId: number;
  /** The first journal file whose records count. */
  readonly startSequence: number;
  /** Everything in the journal before was durable. */
  readonly durableTo: JournalPosition;
  /** Where records were lost whose groups nobody can name; empty: nowhere. */
  readonly damage: string;
  readonly groups: readonly GroupRow[];
}

/** What {@link decodeCheckpoint} found. */
export type CheckpointOutcome =
  | { readonly kind: "checkpoint"; readonly checkpoint: Checkpoint }
  | { readonly kind: "newer"; readonly version: number }
  | { readonly kind: "damaged" };

/** To bytes: header and body. */
export function encodeCheckpoint(checkpoint: Checkpoint): Buffer[] {
  const writer = new ByteWriter(4096);
  const { durableTo, groups } = checkpoint;
  writer.uvarint(checkpoint.nextFileId).uvarint(checkpoint.startSequence);
  writer.uvarint(durableTo.sequence).uvarint(durableTo.position);
  writer.string(checkpoint.damage).uvarint(groups.length);
  for (const group of groups) encodeGroup(writer, group);
  const body = writer.finish();
  const header = Buffer.alloc(headerBytes);
  magic.copy(header, 0);
  header.writeUInt32BE(version, 8);
  header.writeUInt32BE(crc32c(body), 12);
  header.set(checkpoint.directoryId, 16);
  writeUint64(header, 32, checkpoint.number);
  writeUint64(header, 40, body.length);
  header.writeUInt32BE(crc32c(header, 0, crcAt), crcAt);
  return [header, body];
}

/** From bytes, which may go on behind the checkpoint. */
export function decodeCheckpoint(bytes: Buffer): CheckpointOutcome {
  const isHeaderSound =
    bytes.length >= headerBytes &&
    bytes.subarray(0, magic.length).equals(magic) &&
    crc32c(bytes, 0, crcAt) === bytes.readUInt32BE(crcAt);
  if (!isHeaderSound) return { kind: "damaged" };
  const found = bytes.readUInt32BE(8);
  if (found !== version) return { kind: "newer", version: found };
  const end = headerBytes + readUint64(bytes, 40);
  if (end > bytes.length || crc32c(bytes, headerBytes, end) !== bytes.readUInt32BE(12)) {
    return { kind: "damaged" };
  }
  const reader = new ByteReader(bytes, headerBytes, end);
  const directoryId = Uint8Array.prototype.slice.call(bytes, 16, 16 + directoryIdBytes);
  const checkpoint: Checkpoint = {
    number: readUint64(bytes, 32),
    directoryId,
    nextFileId: reader.uvarint(),
    startSequence: reader.uvarint(),
    durableTo: { sequence: reader.uvarint(), position: reader.uvarint() },
    damage: reader.string(),
    groups: list(reader, decodeGroup),
  };
  reader.expectEnd();
  return { kind: "checkpoint", checkpoint };
}

function encodeGroup(writer: ByteWriter, group: GroupRow): void {
  const { hardState, image, key, segments, termRuns } = group;
  writer.uvarint(key.groupId).uvarint(key.incarnation);
  writer.uvarint(hardState.term).uvarint(hardState.vote).uvarint(hardState.commit);
  writer.uvarint(group.firstRecordNumber).uvarint(group.nextRecordNumber);
  writer.uvarint(group.movedIndex).uvarint(group.movedOffset);
  writer.uvarint(group.raftFirstIndex).uvarint(group.startOffset).uvarint(group.cutIndex);
  writer.string(group.broken);
  writer.uvarint(image?.fileId ?? 0).uvarint(image?.index ?? 0);
  writer.uvarint(termRuns.length);
  for (const [startIndex, term] of termRuns) writer.uvarint(startIndex).uvarint(term);
  encodeSegments(writer, segments);
}

/** A list of segments, as it stands in a checkpoint. */
export function encodeSegments(writer: ByteWriter, segments: readonly SegmentInfo[]): void {
  writer.uvarint(segments.length);
  for (const segment of segments) encodeSegment(writer, segment);
}

/** Reads what `encodeSegments` wrote. */
export function decodeSegments(reader: ByteReader): SegmentInfo[] {
  return list(reader, decodeSegment);
}

function encodeSegment(writer: ByteWriter, segment: SegmentInfo): void {
  writer.uvarint(segment.fileId).uvarint(segment.firstIndex).uvarint(segment.lastIndex);
  writer.uvarint(segment.baseOffset).uvarint(segment.endOffset);
  writer.uvarint(segment.maxTimestampMs + 1).uvarint(segment.chunksEnd);
  writer.uvarint(segment.chunkCount).uvarint(segment.createdMs);
  const flags = (segment.isSealed ? sealedFlag : 0) + (segment.isCompacted ? compactedFlag : 0);
  writer.uint8(flags).uvarint(segment.deleteHorizonMs);
}

function decodeGroup(reader: ByteReader): GroupRow {
  return {
    key: { groupId: reader.uvarint(), incarnation: reader.uvarint() },
    hardState: { term: reader.uvarint(), vote: reader.uvarint(), commit: reader.uvarint() },
    firstRecordNumber: reader.uvarint(),
    nextRecordNumber: reader.uvarint(),
    movedIndex: reader.uvarint(),
    movedOffset: reader.uvarint(),
    raftFirstIndex: reader.uvarint(),
    startOffset: reader.uvarint(),
    cutIndex: reader.uvarint(),
    broken: reader.string(),
    image: decodeImage(reader),
    termRuns: list(reader, () => [reader.uvarint(), reader.uvarint()] as const),
    segments: decodeSegments(reader),
  };
}

function decodeImage(reader: ByteReader): ImageInfo | undefined {
  const fileId = reader.uvarint();
  const index = reader.uvarint();
  return fileId === 0 ? undefined : { fileId, index };
}

function decodeSegment(reader: ByteReader): SegmentInfo {
  const segment = {
    fileId: reader.uvarint(),
    firstIndex: reader.uvarint(),
    lastIndex: reader.uvarint(),
    baseOffset: reader.uvarint(),
    endOffset: reader.uvarint(),
    maxTimestampMs: reader.uvarint() - 1,
    chunksEnd: reader.uvarint(),
    chunkCount: reader.uvarint(),
    createdMs: reader.uvarint(),
  };
  const flags = reader.uint8();
  const isSealed = (flags & sealedFlag) !== 0;
  const isCompacted = (flags & compactedFlag) !== 0;
  return { ...segment, isSealed, isCompacted, deleteHorizonMs: reader.uvarint() };
}

function list<T>(reader: ByteReader, decode: (reader: ByteReader) => T): T[] {
  const items: T[] = [];
  for (let left = reader.uvarint(); left > 0; left--) items.push(decode(reader));
  return items;
}

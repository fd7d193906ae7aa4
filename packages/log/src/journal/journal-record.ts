import { crc32c } from "@ropewalk/protocol";
import type { GroupKey, HardState, LogEntry } from "../log-entry.ts";
import { readUint64, writeUint64 } from "../uint64.ts";

/*
 * One record of the journal: what one group made durable in one step, atomically. Records begin at
 * multiples of eight and follow each other without gaps. All numbers are big-endian.
 *
 *   position  bytes  field
 *          0      4  magic "RWR1"
 *          4      4  header CRC        CRC-32C of [8, 96)
 *          8      4  salt              of the file: the CRC in its header
 *         12      4  position          of this record in the file
 *         16      4  body bytes        table and data, without the padding
 *         20      4  table CRC         CRC-32C of the table
 *         24      1  kind              1 write, 2 tombstone (the group is deleted), 3 mark (only the floor counts)
 *         25      3  zeros
 *         28      4  entry count
 *         32      8  group id
 *         40      8  incarnation
 *         48      8  record number     in its group, from 0: a gap proves that a record is lost
 *         56      8  term              hard state, always whole
 *         64      8  vote
 *         72      8  commit
 *         80      8  first index       of the entries; they replace everything from there on
 *         88      4  floor sequence    everything in the journal before this file …
 *         92      4  floor position    … and position was durable when this record was written
 *         96  24 × n  table            per entry: term 8, data bytes 4, data CRC 4, type 1, zeros 7
 *          …      …  data              of all entries, back to back
 *          …    0–7  zeros             up to a multiple of eight
 *
 * The header's CRC is checked before its length is trusted; the table's before its lengths are; and
 * each entry's data has its own, so that one entry can be read and verified alone.
 */

/** Bytes of a record before its table. */
export const recordHeaderBytes = 96;

/** Bytes of an entry in the table. */
export const tableRowBytes = 24;

/** Records begin at multiples of this. */
export const recordAlignment = 8;

/** What the first four bytes of a record are, as a number. */
export const recordMagic = 0x5257_5231;

const kinds = { write: 1, tombstone: 2, mark: 3 } as const;

/** What a record says: entries and hard state, the end of its group, or only how far the journal is durable. */
export type RecordKind = keyof typeof kinds;

const kindNames: readonly (RecordKind | undefined)[] = [undefined, "write", "tombstone", "mark"];
const typeNames = ["normal", "confChange", "confChangeV2"] as const;

/** A place in the journal: a file and a byte in it. */
export interface JournalPosition {
  readonly sequence: number;
  readonly position: number;
}

/** Whether `left` lies before `right`. */
export function isBefore(left: JournalPosition, right: JournalPosition): boolean {
  if (left.sequence !== right.sequence) return left.sequence < right.sequence;
  return left.position < right.position;
}

/** The header of a record. */
export interface RecordHeader {
  readonly position: number;
  readonly bodyBytes: number;
  readonly tableCrc: number;
  readonly kind: RecordKind;
  readonly entryCount: number;
  readonly key: GroupKey;
  readonly recordNumber: number;
  readonly hardState: HardState;
  readonly firstIndex: number;
  readonly floor: JournalPosition;
}

/** One row of a record's table, with where the data lies in the file. */
export interface TableRow {
  readonly term: number;
  readonly type: LogEntry["type"];
  readonly dataPosition: number;
  readonly dataBytes: number;
  readonly dataCrc: number;
}

/** What a record is made of, before its place is known. */
export interface RecordContent {
  readonly kind: RecordKind;
  readonly key: GroupKey;
  readonly recordNumber: number;
  readonly hardState: HardState;
  readonly entries: readonly LogEntry[];
}

/** Bytes a record takes in the file, padding included. */
export function recordBytes(bodyBytes: number): number {
  const bytes = recordHeaderBytes + bodyBytes;
  return bytes + ((recordAlignment - (bytes % recordAlignment)) % recordAlignment);
}

/** Bytes of the table and the data of `entries`. */
export function bodyBytesOf(entries: readonly LogEntry[]): number {
  let bytes = entries.length * tableRowBytes;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/** Header and table, complete but for what {@link sealRecordHead} adds. `crcs` are those of the entries' data. */
export function encodeRecordHead(
  content: RecordContent,
  crcs: readonly number[],
  position: number,
): Buffer {
  const { entries, key, hardState } = content;
  const tableBytes = entries.length * tableRowBytes;
  const head = Buffer.allocUnsafe(recordHeaderBytes + tableBytes).fill(0); // From Buffer's pool.
  head.writeUInt32BE(recordMagic, 0);
  head.writeUInt32BE(position, 12);
  head.writeUInt32BE(bodyBytesOf(entries), 16);
  head[24] = kinds[content.kind];
  head.writeUInt32BE(entries.length, 28);
  writeUint64(head, 32, key.groupId);
  writeUint64(head, 40, key.incarnation);
  writeUint64(head, 48, content.recordNumber);
  writeUint64(head, 56, hardState.term);
  writeUint64(head, 64, hardState.vote);
  writeUint64(head, 72, hardState.commit);
  writeUint64(head, 80, entries[0]?.index ?? 0);
  encodeTable(head, entries, crcs);
  head.writeUInt32BE(crc32c(head, recordHeaderBytes, head.length), 20);
  return head;
}

function encodeTable(head: Buffer, entries: readonly LogEntry[], crcs: readonly number[]): void {
  let at = recordHeaderBytes;
  for (const [row, entry] of entries.entries()) {
    writeUint64(head, at, entry.term);
    head.writeUInt32BE(entry.data.length, at + 8);
    head.writeUInt32BE(crcs[row] ?? 0, at + 12);
    head[at + 16] = typeNames.indexOf(entry.type);
    at += tableRowBytes;
  }
}

/** Adds what is known only when the record is written: its file, how far the journal is durable, and the CRC. */
export function sealRecordHead(head: Buffer, salt: number, floor: JournalPosition): void {
  head.writeUInt32BE(salt, 8);
  head.writeUInt32BE(floor.sequence, 88);
  head.writeUInt32BE(floor.position, 92);
  head.writeUInt32BE(crc32c(head, 8, recordHeaderBytes), 4);
}

/** The record header at `at`, which belongs at `position` of the file with this salt; `undefined` if it is none. */
export function decodeRecordHeader(
  bytes: Buffer,
  at: number,
  salt: number,
  position: number,
): RecordHeader | undefined {
  if (at + recordHeaderBytes > bytes.length) return undefined;
  if (bytes.readUInt32BE(at) !== recordMagic) return undefined;
  if (bytes.readUInt32BE(at + 8) !== salt || bytes.readUInt32BE(at + 12) !== position)
    return undefined;
  if (bytes.readUInt32BE(at + 4) !== crc32c(bytes, at + 8, at + recordHeaderBytes))
    return undefined;
  const kind = kindNames[bytes[at + 24] ?? 0];
  if (kind === undefined) return undefined;
  const number = (offset: number): number => readUint64(bytes, at + offset);
  return {
    position,
    bodyBytes: bytes.readUInt32BE(at + 16),
    tableCrc: bytes.readUInt32BE(at + 20),
    kind,
    entryCount: bytes.readUInt32BE(at + 28),
    key: { groupId: number(32), incarnation: number(40) },
    recordNumber: number(48),
    hardState: { term: number(56), vote: number(64), commit: number(72) },
    firstIndex: number(80),
    floor: { sequence: bytes.readUInt32BE(at + 88), position: bytes.readUInt32BE(at + 92) },
  };
}

/** The table of a record; `undefined` when its CRC or its lengths are wrong. */
export function decodeTable(header: RecordHeader, table: Buffer): TableRow[] | undefined {
  if (crc32c(table) !== header.tableCrc) return undefined;
  const rows: TableRow[] = [];
  let dataPosition = header.position + recordHeaderBytes + table.length;
  for (let at = 0; at < table.length; at += tableRowBytes) {
    const type = typeNames[table[at + 16] ?? typeNames.length];
    if (type === undefined) return undefined;
    const dataBytes = table.readUInt32BE(at + 8);
    const dataCrc = table.readUInt32BE(at + 12);
    rows.push({ term: readUint64(table, at), type, dataPosition, dataBytes, dataCrc });
    dataPosition += dataBytes;
  }
  const end = header.position + recordHeaderBytes + header.bodyBytes;
  return dataPosition === end ? rows : undefined;
}

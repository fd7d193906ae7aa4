import assert from "node:assert/strict";
import { crc32c } from "@ropewalk/protocol";
import { readUint64, writeUint64 } from "../uint64.ts";

/*
 * The beginning of a journal file. All numbers are big-endian. The first 64 bytes keep their meaning
 * in every version, so that a reader can always tell "newer than me" from "damaged".
 *
 *   position  bytes  field
 *          0      8  magic               "RWJOURNL"
 *          8      4  version             1
 *         12      4  records position    4096
 *         16     16  directory id        which broker directory the file belongs to; zeros: not named
 *         32      8  sequence            the file's place in the journal, from 1, as in its name
 *         40     20  zeros
 *         60      4  CRC-32C of [0, 60)
 *         64   4032  zeros, so that records never share a block with the header
 *       4096         records
 *
 * A header is a function of directory id and sequence alone. So a damaged one costs nothing: who knows
 * the file's name knows what it said, and with it the salt of the records.
 */

/** Where the first record of a file begins. */
export const fileHeaderBytes = 4096;

/** The newest version of the format this code knows. */
export const journalVersion = 1;

/** Bytes of a directory id. */
export const directoryIdBytes = 16;

/** A directory's UUID as the files carry it. */
export function directoryIdOf(uuid: string): Uint8Array {
  const bytes = Buffer.from(uuid.replaceAll("-", ""), "hex");
  assert(bytes.length === directoryIdBytes, `a directory id must be a UUID, not "${uuid}"`);
  return bytes;
}

const fixedBytes = 64;
const crcAt = 60;
const magic = Buffer.from("RWJOURNL", "latin1");

/** What a file says about itself. */
export interface FileHeader {
  readonly directoryId: Uint8Array;
  readonly sequence: number;
}

/** What {@link decodeFileHeader} found. */
export type FileHeaderOutcome =
  | { readonly kind: "header"; readonly header: FileHeader }
  | { readonly kind: "newer"; readonly version: number }
  /** Sound, but not what this version writes: of a draft of the format. */
  | { readonly kind: "foreign" }
  | { readonly kind: "damaged" };

/**
 * The bytes a file begins with, and the salt of its records: the header's own CRC. Every record
 * repeats it, so that one of another file, or of the file's life before it was recycled, is none here.
 */
export function encodeFileHeader(header: FileHeader): {
  readonly bytes: Buffer;
  readonly salt: number;
} {
  const bytes = Buffer.alloc(fileHeaderBytes);
  magic.copy(bytes, 0);
  bytes.writeUInt32BE(journalVersion, 8);
  bytes.writeUInt32BE(fileHeaderBytes, 12);
  bytes.set(header.directoryId, 16);
  writeUint64(bytes, 32, header.sequence);
  const salt = crc32c(bytes, 0, crcAt);
  bytes.writeUInt32BE(salt, crcAt);
  return { bytes, salt };
}

/** Reads the beginning of a file; `bytes` may be shorter than a header. */
export function decodeFileHeader(bytes: Buffer): FileHeaderOutcome {
  if (bytes.length < fixedBytes || !bytes.subarray(0, magic.length).equals(magic)) {
    return { kind: "damaged" };
  }
  if (crc32c(bytes, 0, crcAt) !== bytes.readUInt32BE(crcAt)) return { kind: "damaged" };
  const version = bytes.readUInt32BE(8);
  if (version !== journalVersion) return { kind: "newer", version };
  const directoryId = Uint8Array.prototype.slice.call(bytes, 16, 16 + directoryIdBytes);
  const header = { directoryId, sequence: readUint64(bytes, 32) };
  const isOurs = encodeFileHeader(header).salt === bytes.readUInt32BE(crcAt);
  return isOurs ? { kind: "header", header } : { kind: "foreign" };
}

const fileNamePattern = /^journal-(\d{10})-([0-9a-f]{8})\.log$/;

/** The name of a file: its sequence, and the first four bytes of the directory's id for people. */
export function journalFileName(sequence: number, directoryId: Uint8Array): string {
  const directory = Buffer.from(directoryId.subarray(0, 4)).toString("hex");
  return `journal-${String(sequence).padStart(10, "0")}-${directory}.log`;
}

/** The sequence a name carries; `undefined` for what is no journal file. */
export function sequenceOfFileName(name: string): number | undefined {
  const match = fileNamePattern.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** Whether a file of this name was being created when its broker died: it holds nothing. */
export function isUnfinishedFileName(name: string): boolean {
  return name.startsWith("journal-") && name.endsWith(".tmp");
}

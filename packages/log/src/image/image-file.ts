import { crc32c } from "@ropewalk/protocol";
import type { Disk } from "@ropewalk/runtime";
import { type GroupKey, groupName } from "../log-entry.ts";
import { LogError } from "../log-error.ts";
import { readUint64, writeUint64 } from "../uint64.ts";

/*
 * The state machine of one group as of one entry: what it was made from need not be kept. All numbers are
 * big-endian.
 *
 *   position  bytes  field
 *          0      8  magic        "RWIMAGE1"
 *          8      8  group id
 *         16      8  incarnation
 *         24      8  index        of the last entry that is contained
 *         32      8  body bytes
 *         40      4  body CRC     CRC-32C
 *         44     16  zeros
 *         60      4  CRC-32C of [0, 60)
 *         64      …  body         what the state machine gave; opaque here
 */

const headerBytes = 64;
const magic = Buffer.from("RWIMAGE1", "latin1");

/** An image that the checkpoint names. */
export interface ImageInfo {
  readonly fileId: number;
  /** The last entry that is contained. */
  readonly index: number;
}

/** The name of an image's file. */
export function imageFileName(key: GroupKey, fileId: number): string {
  return `image-${groupName(key)}-${fileId}.img`;
}

/** Writes an image and syncs it; its name is durable after the directory's next sync. Leaves nothing where that fails. */
export async function writeImage(
  disk: Disk,
  path: string,
  key: GroupKey,
  index: number,
  body: Uint8Array,
): Promise<void> {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header, 0);
  writeUint64(header, 8, key.groupId);
  writeUint64(header, 16, key.incarnation);
  writeUint64(header, 24, index);
  writeUint64(header, 32, body.length);
  header.writeUInt32BE(crc32c(body), 40);
  header.writeUInt32BE(crc32c(header, 0, 60), 60);
  const file = await disk.create(path);
  try {
    await file.write(0, [header, body]);
    await file.datasync();
  } catch (error) {
    await disk.remove(path).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** Reads an image back. Rejects with DATA_DAMAGED where it is not what was written. */
export async function readImage(
  disk: Disk,
  path: string,
  key: GroupKey,
  index: number,
): Promise<Uint8Array> {
  const bytes = Buffer.from(await disk.readFile(path));
  const body = bytes.subarray(headerBytes);
  const isSound =
    bytes.length >= headerBytes &&
    bytes.subarray(0, magic.length).equals(magic) &&
    crc32c(bytes, 0, 60) === bytes.readUInt32BE(60) &&
    readUint64(bytes, 8) === key.groupId &&
    readUint64(bytes, 16) === key.incarnation &&
    readUint64(bytes, 24) === index &&
    readUint64(bytes, 32) === body.length &&
    crc32c(body) === bytes.readUInt32BE(40);
  if (!isSound) throw new LogError("DATA_DAMAGED", `The image ${path} is not what was written`);
  return body;
}

import { groupName, type GroupKey, type GroupLog, type LogStore } from "@ropewalk/log";
import { ByteReader, ByteWriter, RopewalkError } from "@ropewalk/protocol";
import { DiskError, type KeyValueChange, type KeyValueStore, type Logger } from "@ropewalk/runtime";
import { keyAfterPrefix } from "../key-prefix.ts";

/*
 * The whole materialized state of one state machine, as it is kept beside the log and sent to replicas that
 * lack what it was made from. "v" is an unsigned varint.
 *
 *   prefix count v | prefixes: length v, UTF-8 | pair count v | pairs: key length v, UTF-8, value length v, bytes
 *
 * Whoever takes it in removes everything under the prefixes first.
 */

/** The materialized state of a machine. */
export interface StateImage {
  /** All keys of the machine begin with one of these; each ends in a slash. */
  readonly prefixes: readonly string[];
  readonly pairs: readonly (readonly [key: string, value: Uint8Array])[];
}

/** To bytes. */
export function encodeStateImage({ pairs, prefixes }: StateImage): Uint8Array {
  const writer = new ByteWriter(4096);
  writer.uvarint(prefixes.length);
  for (const prefix of prefixes) writer.string(prefix);
  writer.uvarint(pairs.length);
  for (const [key, value] of pairs) writer.string(key).bytes(value);
  return writer.finish();
}

/** From bytes. Throws CORRUPT_MESSAGE where they are no image. */
export function decodeStateImage(bytes: Uint8Array): StateImage {
  const reader = new ByteReader(bytes);
  const prefixes: string[] = [];
  for (let left = reader.uvarint(); left > 0; left--) prefixes.push(reader.string());
  const pairs: [string, Uint8Array][] = [];
  for (let left = reader.uvarint(); left > 0; left--) {
    pairs.push([reader.string(), Uint8Array.from(reader.bytes())]);
  }
  reader.expectEnd();
  return { prefixes, pairs };
}

/** What makes the store hold the image of a group as of entry `index`, and nothing else of that group's machine. */
export function imageChanges(
  store: KeyValueStore,
  key: GroupKey,
  index: number,
  image: StateImage,
): KeyValueChange[] {
  const changes: KeyValueChange[] = [];
  for (const prefix of image.prefixes) {
    for (const [old] of store.range(prefix, keyAfterPrefix(prefix))) {
      changes.push({ key: old, value: undefined });
    }
  }
  for (const [pairKey, value] of image.pairs) changes.push({ key: pairKey, value });
  const value = new ByteWriter(16).uvarint(index).finish();
  changes.push({ key: markKey(key), value: Uint8Array.from(value) });
  return changes;
}

/** The keys that say of a deleted group which image of it was taken in. */
export function imageMarkKey(key: GroupKey): string {
  return markKey(key);
}

/**
 * Takes into the store the images that it has not got: after it was lost, since what they were made from may be
 * gone from the logs. Each in one transaction with the entry that it is of. An image that is damaged or gone is
 * its group's matter alone, which is then found to lack what its log begins with.
 */
export async function restoreImages(
  log: LogStore,
  store: KeyValueStore,
  logger: Logger,
): Promise<number> {
  let restored = 0;
  for (const group of log.groups()) {
    const { imageIndex, key, quarantined } = group;
    if (quarantined !== undefined) continue; // Nothing follows from what it has.
    if (imageIndex === undefined || imageIndex <= takenIndex(store, key)) continue;
    try {
      if (await restoreImage(log, group, store)) restored += 1;
    } catch (error) {
      if (!isImageLost(error)) throw error;
      logger.error("the image of a group's state cannot be had", { ...key, error });
    }
  }
  return restored;
}

async function restoreImage(
  log: LogStore,
  group: GroupLog,
  store: KeyValueStore,
): Promise<boolean> {
  const image = await log.image(group);
  if (image === undefined) return false;
  const state = decodeStateImage(image.body);
  await store.commit(imageChanges(store, group.key, image.index, state));
  return true;
}

function isImageLost(error: unknown): boolean {
  if (error instanceof DiskError) return error.code === "NOT_FOUND";
  return error instanceof RopewalkError && error.code === "CORRUPT_MESSAGE"; // Also DATA_DAMAGED of the log.
}

function takenIndex(store: KeyValueStore, key: GroupKey): number {
  const bytes = store.get(markKey(key));
  return bytes === undefined ? 0 : new ByteReader(bytes).uvarint();
}

function markKey(key: GroupKey): string {
  return `image/${groupName(key)}`;
}

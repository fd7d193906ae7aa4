import { groupName, type GroupKey, type LogStore } from "@ropewalk/log";
import { ByteReader, ByteWriter } from "@ropewalk/protocol";
import type { KeyValueChange, KeyValueStore } from "@ropewalk/runtime";
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
 * gone from the logs. Each in one transaction with the entry that it is of.
 */
export async function restoreImages(log: LogStore, store: KeyValueStore): Promise<number> {
  let restored = 0;
  for (const group of log.groups()) {
    const { imageIndex, key } = group;
    if (imageIndex === undefined || imageIndex <= takenIndex(store, key)) continue;
    const image = await log.image(group);
    if (image === undefined) continue;
    await store.commit(imageChanges(store, key, image.index, decodeStateImage(image.body)));
    restored += 1;
  }
  return restored;
}

function takenIndex(store: KeyValueStore, key: GroupKey): number {
  const bytes = store.get(markKey(key));
  return bytes === undefined ? 0 : new ByteReader(bytes).uvarint();
}

function markKey(key: GroupKey): string {
  return `image/${groupName(key)}`;
}

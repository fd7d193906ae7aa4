import type { ByteReader, ByteWriter } from "@ropewalk/protocol";
import { BATCH_ITEMS_MAX, type FullHeartbeat, type GroupKey, type PeerBatch } from "raft-ts/multi";
import { corruptFrame } from "./frame-header.ts";

/**
 * What one broker tells another about all groups they share, as an item among the messages of a frame.
 * All numbers behind the first byte are unsigned varints; a group is its id and its incarnation.
 *
 *     | 64 u8 | from | to | epoch | sequence | five lists, each with its count in front:
 *       heartbeats        group, term, commit, context, flags u8, if bit 1 of them: fromReplica, toReplica
 *                         bit 0 of the flags: sleep; for bit 1 see `GroupRoute`
 *       light heartbeats  group
 *       responses         group, term, commit, context, asleep u8
 *       light responses   group
 *       wakes             group
 */
export const heartbeatBatchTag = 64;

/** The most that a head or an item takes. */
const headBytesMax = 48;
const fullItemBytesMax = 64;

const flagSleep = 1;
const flagReplicas = 2;
const lightItemBytesMax = 16;

/** The most that a batch can take in a frame. */
export function heartbeatBatchBytesMax(batch: PeerBatch): number {
  const fullCount = batch.heartbeats.length + batch.responses.length;
  const lightCount =
    batch.lightHeartbeats.length + batch.lightResponses.length + batch.wakes.length;
  return headBytesMax + fullCount * fullItemBytesMax + lightCount * lightItemBytesMax;
}

/** Items of all lists together. */
export function heartbeatBatchItems(batch: PeerBatch): number {
  const { heartbeats, lightHeartbeats, responses, lightResponses, wakes } = batch;
  return (
    heartbeats.length +
    lightHeartbeats.length +
    responses.length +
    lightResponses.length +
    wakes.length
  );
}

/** Appends a batch. */
export function encodeHeartbeatBatch(writer: ByteWriter, batch: PeerBatch): void {
  writer.uint8(heartbeatBatchTag).uvarint(batch.from).uvarint(batch.to);
  writer.uvarint(batch.epoch).uvarint(batch.sequence);
  writer.uvarint(batch.heartbeats.length);
  for (const heartbeat of batch.heartbeats) encodeHeartbeat(writer, heartbeat);
  encodeGroups(writer, batch.lightHeartbeats);
  writer.uvarint(batch.responses.length);
  for (const { group, term, commit, context, asleep } of batch.responses) {
    encodeGroup(writer, group).uvarint(term).uvarint(commit).uvarint(context).bool(asleep);
  }
  encodeGroups(writer, batch.lightResponses);
  encodeGroups(writer, batch.wakes);
}

/** Reads what `encodeHeartbeatBatch` wrote. Throws CORRUPT_MESSAGE. */
export function decodeHeartbeatBatch(reader: ByteReader): PeerBatch {
  if (reader.uint8() !== heartbeatBatchTag) throw corruptFrame("no batch of heartbeats");
  return {
    from: reader.uvarint(),
    to: reader.uvarint(),
    epoch: reader.uvarint(),
    sequence: reader.uvarint(),
    heartbeats: decodeList(reader, () => decodeHeartbeat(reader)),
    lightHeartbeats: decodeList(reader, () => decodeGroup(reader)),
    responses: decodeList(reader, () => ({ ...decodeBeat(reader), asleep: reader.bool() })),
    lightResponses: decodeList(reader, () => decodeGroup(reader)),
    wakes: decodeList(reader, () => decodeGroup(reader)),
  };
}

function encodeHeartbeat(writer: ByteWriter, heartbeat: FullHeartbeat): void {
  const { group, term, commit, context, sleep } = heartbeat;
  const { fromReplica = 0, toReplica = 0 } = group;
  const hasReplicas = fromReplica !== 0 || toReplica !== 0;
  encodeGroup(writer, group).uvarint(term).uvarint(commit).uvarint(context);
  writer.uint8((sleep ? flagSleep : 0) | (hasReplicas ? flagReplicas : 0));
  if (hasReplicas) writer.uvarint(fromReplica).uvarint(toReplica);
}

function decodeHeartbeat(reader: ByteReader): FullHeartbeat {
  const beat = decodeBeat(reader);
  const flags = reader.uint8();
  if (flags > (flagSleep | flagReplicas))
    throw corruptFrame(`unknown flags ${flags} of a heartbeat`);
  const sleep = (flags & flagSleep) !== 0;
  if ((flags & flagReplicas) === 0) return { ...beat, sleep };
  const replicas = { fromReplica: reader.uvarint(), toReplica: reader.uvarint() };
  return { ...beat, group: { ...beat.group, ...replicas }, sleep };
}

function encodeGroup(writer: ByteWriter, group: GroupKey): ByteWriter {
  return writer.uvarint(group.groupId).uvarint(group.incarnation);
}

function encodeGroups(writer: ByteWriter, groups: readonly GroupKey[]): void {
  writer.uvarint(groups.length);
  for (const group of groups) encodeGroup(writer, group);
}

function decodeGroup(reader: ByteReader): GroupKey {
  return { groupId: reader.uvarint(), incarnation: reader.uvarint() };
}

function decodeBeat(reader: ByteReader): {
  readonly group: GroupKey;
  readonly term: number;
  readonly commit: number;
  readonly context: number;
} {
  const group = decodeGroup(reader);
  return { group, term: reader.uvarint(), commit: reader.uvarint(), context: reader.uvarint() };
}

function decodeList<Item>(reader: ByteReader, decode: () => Item): Item[] {
  const count = reader.uvarint();
  // An item takes two bytes at least, so that a count cannot reserve more than the frame brought.
  if (count > BATCH_ITEMS_MAX || count * 2 > reader.remaining) {
    throw corruptFrame(`a list of ${count} groups does not fit`);
  }
  const items: Item[] = [];
  for (let i = 0; i < count; i += 1) items.push(decode());
  return items;
}

import assert from "node:assert/strict";
import type { ByteReader, ByteWriter } from "@ropewalk/protocol";
import type { ConfState, Entry, EntryType, Message, Snapshot } from "raft-ts";
import type { GroupKey, GroupRoute } from "raft-ts/multi";
import { corruptFrame } from "./frame-header.ts";

/**
 * A Raft message, and the group it belongs to, as bytes. Numbers are unsigned varints unless said
 * otherwise; only the fields that are not zero, empty or false are there.
 *
 *     | type u8 | fields | groupId | incarnation | to | from | term | one after another: fields … |
 *
 *     bit of `fields`   what follows in its place
 *     0 logTerm         number
 *     1 index           number
 *     2 commit          number
 *     3 vote            number
 *     4 reject          nothing: the bit is the value
 *     5 rejectHint      number
 *     6 context         number
 *     7 entries         count, entries
 *     8 snapshot        index, term, four lists of ids (count, ids), autoLeave u8, data
 *     9 fromReplica     number, in front of those above; see `GroupRoute`
 *     10 toReplica      number, in front of those above
 *
 *     entry             | head u8 | index, term unless bit 2 | data |
 *                       bits 0–1: type; bit 2: index is the last one's plus 1, term is the last one's
 *                       (before the first entry: the message's index and logTerm)
 *     data              length, and bytes if the length is at most 1,024; longer data stands in the
 *                       frame's payload section, in the order of its mention
 */
export const inlineBytesMax = 1024;

/** Messages and entries that one frame may hold: bounds what a small frame can make of itself in memory. */
export const frameItemCountMax: number = 2 ** 18;

/** A message on its way, with the group it belongs to. */
export interface GroupMessage {
  readonly group: GroupRoute;
  readonly message: Message;
}

/** The types of message that travel between brokers. */
export type RemoteMessageType =
  | "MsgProp"
  | "MsgApp"
  | "MsgAppResp"
  | "MsgVote"
  | "MsgVoteResp"
  | "MsgSnap"
  | "MsgHeartbeat"
  | "MsgHeartbeatResp"
  | "MsgTransferLeader"
  | "MsgTimeoutNow"
  | "MsgReadIndex"
  | "MsgReadIndexResp"
  | "MsgPreVote"
  | "MsgPreVoteResp";

/** Their numbers are those of etcd's protocol. */
const typeNumbers: Readonly<Record<RemoteMessageType, number>> = {
  MsgProp: 2,
  MsgApp: 3,
  MsgAppResp: 4,
  MsgVote: 5,
  MsgVoteResp: 6,
  MsgSnap: 7,
  MsgHeartbeat: 8,
  MsgHeartbeatResp: 9,
  MsgTransferLeader: 13,
  MsgTimeoutNow: 14,
  MsgReadIndex: 15,
  MsgReadIndexResp: 16,
  MsgPreVote: 17,
  MsgPreVoteResp: 18,
};

const typesByNumber: ReadonlyMap<number, RemoteMessageType> = new Map(
  Object.keys(typeNumbers)
    .filter(isRemote)
    .map((type) => [typeNumbers[type], type]),
);

/** The same, to go through. */
export const remoteMessageTypes: readonly RemoteMessageType[] = [...typesByNumber.values()];

const field = {
  logTerm: 1,
  index: 2,
  commit: 4,
  vote: 8,
  reject: 16,
  rejectHint: 32,
  context: 64,
  entries: 128,
  snapshot: 256,
  fromReplica: 512,
  toReplica: 1024,
} as const;

const fieldsMask = 2047;
const entryTypes: readonly EntryType[] = ["normal", "confChange", "confChangeV2"];
const entryTypeMask = 3;
const entryFollows = 4;
const idCountMax = 4096;
const numberBytesMax = 8;
/** A message's or a snapshot's fields, without lists and data, and what precedes them in a frame. */
const headBytesMax = 160;
const entryHeadBytesMax = 1 + 3 * numberBytesMax;
const noData: Uint8Array = new Uint8Array(0);
const noEntries: readonly Entry[] = [];

/**
 * Appends a message to `heads`. Data longer than `inlineBytesMax` is not copied but pushed to
 * `payloads`: it must stay untouched until it is sent. Only remote types, without `responses`.
 */
export function encodeMessage(
  heads: ByteWriter,
  payloads: Uint8Array[],
  group: GroupRoute,
  message: Message,
): void {
  const { fromReplica = 0, toReplica = 0 } = group;
  const fields = fieldsOf(message, fromReplica, toReplica);
  heads.uint8(typeNumber(message)).uvarint(fields);
  heads.uvarint(group.groupId).uvarint(group.incarnation);
  heads.uvarint(message.to).uvarint(message.from).uvarint(message.term);
  if (fromReplica !== 0) heads.uvarint(fromReplica);
  if (toReplica !== 0) heads.uvarint(toReplica);
  if (fields & field.logTerm) heads.uvarint(message.logTerm);
  if (fields & field.index) heads.uvarint(message.index);
  if (fields & field.commit) heads.uvarint(message.commit);
  if (fields & field.vote) heads.uvarint(message.vote);
  if (fields & field.rejectHint) heads.uvarint(message.rejectHint);
  if (fields & field.context) heads.uvarint(message.context);
  if (fields & field.entries) encodeEntries(heads, payloads, message);
  if (message.snapshot !== undefined) encodeSnapshot(heads, payloads, message.snapshot);
}

/** The most that a message can take in a frame of its own, known before it is encoded. */
export function messageBytesMax(message: Message): number {
  let bytes = headBytesMax;
  for (const entry of message.entries) bytes += entryHeadBytesMax + entry.data.length;
  const { snapshot } = message;
  if (snapshot === undefined) return bytes;
  const { voters, votersOutgoing, learners, learnersNext } = snapshot.confState;
  const idCount = voters.length + votersOutgoing.length + learners.length + learnersNext.length;
  return bytes + headBytesMax + idCount * numberBytesMax + snapshot.data.length;
}

/** Where the data of messages is read from. */
export class MessageSource {
  readonly heads: ByteReader;
  readonly #payloads: ByteReader;
  readonly #owned: boolean;
  #itemsLeft = frameItemCountMax;

  /** `owned`: the memory is for keeps, and data is given out as slices of it instead of copies. */
  constructor(heads: ByteReader, payloads: ByteReader, owned: boolean) {
    this.heads = heads;
    this.#payloads = payloads;
    this.#owned = owned;
  }

  /** Throws CORRUPT_MESSAGE once there are more messages and entries than a frame may hold. */
  countItems(count: number): void {
    this.#itemsLeft -= count;
    if (this.#itemsLeft < 0) throw corruptFrame(`more than ${frameItemCountMax} items in a frame`);
  }

  /** The next data: inline or from the payload section. */
  data(): Uint8Array {
    const length = this.heads.uvarint();
    if (length === 0) return noData;
    const slice = (length <= inlineBytesMax ? this.heads : this.#payloads).raw(length);
    return this.#owned ? slice : Buffer.from(slice);
  }
}

/** Reads the next message. Throws CORRUPT_MESSAGE for anything that `encodeMessage` does not write. */
export function decodeMessage(source: MessageSource): GroupMessage {
  const { heads } = source;
  source.countItems(1);
  const number = heads.uint8();
  const type = typesByNumber.get(number);
  if (type === undefined) throw corruptFrame(`no message has the type ${number}`);
  const fields = heads.uvarint();
  if (fields > fieldsMask) throw corruptFrame(`unknown message fields 0x${fields.toString(16)}`);
  const key = { groupId: heads.uvarint(), incarnation: heads.uvarint() };
  const to = heads.uvarint();
  const from = heads.uvarint();
  const term = heads.uvarint();
  const group = decodeReplicas(heads, fields, key);
  const logTerm = fields & field.logTerm ? heads.uvarint() : 0;
  const index = fields & field.index ? heads.uvarint() : 0;
  const commit = fields & field.commit ? heads.uvarint() : 0;
  const vote = fields & field.vote ? heads.uvarint() : 0;
  const reject = (fields & field.reject) !== 0;
  const rejectHint = fields & field.rejectHint ? heads.uvarint() : 0;
  const context = fields & field.context ? heads.uvarint() : 0;
  const entries = fields & field.entries ? decodeEntries(source, index, logTerm) : noEntries;
  const snapshot = fields & field.snapshot ? decodeSnapshot(source) : undefined;
  const message: Message = {
    type,
    to,
    from,
    term,
    logTerm,
    index,
    entries,
    commit,
    vote,
    snapshot,
    reject,
    rejectHint,
    context,
    responses: [],
  };
  return { group, message };
}

function decodeReplicas(heads: ByteReader, fields: number, key: GroupKey): GroupRoute {
  if ((fields & (field.fromReplica | field.toReplica)) === 0) return key;
  const fromReplica = fields & field.fromReplica ? heads.uvarint() : 0;
  const toReplica = fields & field.toReplica ? heads.uvarint() : 0;
  return { ...key, fromReplica, toReplica };
}

function typeNumber(message: Message): number {
  const { type } = message;
  if (!isRemote(type)) assert.fail(`${type} does not travel between brokers`);
  if (message.responses.length > 0) {
    assert.fail(`${type} with responses does not travel between brokers`);
  }
  return typeNumbers[type];
}

function isRemote(type: string): type is RemoteMessageType {
  return Object.hasOwn(typeNumbers, type);
}

function fieldsOf(message: Message, fromReplica: number, toReplica: number): number {
  let fields = 0;
  if (fromReplica !== 0) fields |= field.fromReplica;
  if (toReplica !== 0) fields |= field.toReplica;
  if (message.logTerm !== 0) fields |= field.logTerm;
  if (message.index !== 0) fields |= field.index;
  if (message.commit !== 0) fields |= field.commit;
  if (message.vote !== 0) fields |= field.vote;
  if (message.reject) fields |= field.reject;
  if (message.rejectHint !== 0) fields |= field.rejectHint;
  if (message.context !== 0) fields |= field.context;
  if (message.entries.length !== 0) fields |= field.entries;
  if (message.snapshot !== undefined) fields |= field.snapshot;
  return fields;
}

function encodeData(heads: ByteWriter, payloads: Uint8Array[], data: Uint8Array): void {
  heads.uvarint(data.length);
  if (data.length <= inlineBytesMax) heads.raw(data);
  else payloads.push(data);
}

function encodeEntries(heads: ByteWriter, payloads: Uint8Array[], message: Message): void {
  heads.uvarint(message.entries.length);
  let { index, logTerm: term } = message;
  for (const entry of message.entries) {
    const follows = entry.index === index + 1 && entry.term === term;
    heads.uint8(entryTypes.indexOf(entry.type) | (follows ? entryFollows : 0));
    if (!follows) heads.uvarint(entry.index).uvarint(entry.term);
    encodeData(heads, payloads, entry.data);
    ({ index, term } = entry);
  }
}

function decodeEntries(source: MessageSource, startIndex: number, startTerm: number): Entry[] {
  const { heads } = source;
  const count = heads.uvarint();
  source.countItems(count);
  const entries: Entry[] = [];
  let index = startIndex;
  let term = startTerm;
  for (let at = 0; at < count; at++) {
    const head = heads.uint8();
    const type = entryTypes[head & entryTypeMask];
    if (type === undefined || head > (entryFollows | entryTypeMask)) {
      throw corruptFrame(`no entry begins with 0x${head.toString(16)}`);
    }
    if (head & entryFollows) index += 1;
    else {
      index = heads.uvarint();
      term = heads.uvarint();
    }
    if (!Number.isSafeInteger(index)) throw corruptFrame("an entry's index is too large");
    entries.push({ index, term, type, data: source.data() });
  }
  return entries;
}

function encodeSnapshot(heads: ByteWriter, payloads: Uint8Array[], snapshot: Snapshot): void {
  heads.uvarint(snapshot.index).uvarint(snapshot.term);
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = snapshot.confState;
  for (const ids of [voters, votersOutgoing, learners, learnersNext]) {
    assert(ids.length <= idCountMax, `a group of ${ids.length} members`);
    heads.uvarint(ids.length);
    for (const id of ids) heads.uvarint(id);
  }
  heads.bool(autoLeave);
  encodeData(heads, payloads, snapshot.data);
}

function decodeSnapshot(source: MessageSource): Snapshot {
  const { heads } = source;
  const index = heads.uvarint();
  const term = heads.uvarint();
  const confState: ConfState = {
    voters: decodeIds(heads),
    votersOutgoing: decodeIds(heads),
    learners: decodeIds(heads),
    learnersNext: decodeIds(heads),
    autoLeave: heads.bool(),
  };
  return { index, term, confState, data: source.data() };
}

function decodeIds(heads: ByteReader): number[] {
  const count = heads.uvarint();
  if (count > idCountMax) throw corruptFrame(`a group of ${count} members`);
  const ids: number[] = [];
  for (let at = 0; at < count; at++) ids.push(heads.uvarint());
  return ids;
}

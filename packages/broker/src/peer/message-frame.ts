import assert from "node:assert/strict";
import type { GroupKey } from "@ropewalk/log";
import { ByteReader, ByteWriter, crc32c } from "@ropewalk/protocol";
import type { Message } from "raft-ts";
import type { GroupRoute, PeerBatch } from "raft-ts/multi";
import {
  corruptFrame,
  frameHeaderBytes,
  frameKind,
  patchFrameHeader,
  reserveFrameHeader,
} from "./frame-header.ts";
import { decodeMessage, encodeMessage, frameItemCountMax, MessageSource } from "./message-codec.ts";
import type { GroupMessage } from "./message-codec.ts";
import {
  decodeHeartbeatBatch,
  encodeHeartbeatBatch,
  heartbeatBatchItems,
  heartbeatBatchTag,
} from "./heartbeat-batch.ts";

/**
 * The payload of a frame of messages, many groups together. Numbers are big-endian.
 *
 *     0         1       2       4            8               12                 16
 *     | version | flags | zeros | headsBytes | crc32c(heads) | crc32c(payloads) | heads | payloads |
 *
 * The heads are the messages one after another, with everything but long data, and among them the batches
 * of heartbeats, which begin with a byte that is no message's type. So a frame leaves
 * as one buffer of heads and the payloads where they lie. Bit 0 of `flags` says that the payloads are
 * checksummed, too; otherwise that field is zero. Terms and indexes are always protected. Entries of
 * the append lane usually are not: record batches have checksums of their own, which the owner checks.
 */
const messagesVersion = 1;
const prefixBytes = 16;
const flagPayloadChecksum = 1;
const headsStart = frameHeaderBytes + prefixBytes;

/** What a frame may keep of memory when it is used again. */
const reusedHeadsBytesMax = 256 * 1024;

/** Builds a frame of messages. */
export class MessageFrame {
  #heads = new ByteWriter(4096);
  readonly #payloads: Uint8Array[] = [];
  #payloadBytes = 0;
  /** How many messages it holds. */
  messageCount = 0;
  /** How many messages and entries it holds; at most `frameItemCountMax`. */
  itemCount = 0;
  /** Those of them whose sender must learn what became of them. */
  readonly snapshots: { readonly group: GroupKey; readonly message: Message }[] = [];

  constructor() {
    this.clear();
  }

  /** Size of the whole frame. */
  get bytes(): number {
    return this.#heads.length + this.#payloadBytes;
  }

  /** Adds a message. Entry and snapshot data must stay untouched until the frame is sent. */
  add(group: GroupRoute, message: Message): void {
    const payloadCount = this.#payloads.length;
    encodeMessage(this.#heads, this.#payloads, group, message);
    for (let at = payloadCount; at < this.#payloads.length; at++) {
      this.#payloadBytes += this.#payloads[at]?.length ?? 0;
    }
    this.messageCount += 1;
    this.itemCount += 1 + message.entries.length;
    if (message.type === "MsgSnap") this.snapshots.push({ group, message });
  }

  /** Adds what is told about all groups together. */
  addBatch(batch: PeerBatch): void {
    encodeHeartbeatBatch(this.#heads, batch);
    this.messageCount += 1;
    this.itemCount += 1 + heartbeatBatchItems(batch);
  }

  /** Completes the frame and pushes its buffers, which are this object's until `clear`. */
  finishInto(buffers: Uint8Array[], checksumsPayloads: boolean): void {
    assert(this.messageCount > 0, "a frame without messages is not sent");
    if (this.itemCount > frameItemCountMax) assert.fail(`${this.itemCount} items in one frame`);
    const heads = this.#heads;
    const headsBytes = heads.length - headsStart;
    const hasChecksum = checksumsPayloads && this.#payloads.length > 0;
    heads.patchUint32(
      frameHeaderBytes,
      messagesVersion * 0x1_00_0000 + (hasChecksum ? flagPayloadChecksum * 0x1_0000 : 0),
    );
    heads.patchUint32(frameHeaderBytes + 12, hasChecksum ? this.#payloadsChecksum() : 0);
    heads.patchUint32(frameHeaderBytes + 4, headsBytes);
    heads.patchUint32(frameHeaderBytes + 8, crc32c(heads.finish(), headsStart, heads.length));
    patchFrameHeader(heads, frameKind.messages, this.bytes - frameHeaderBytes);
    buffers.push(heads.finish());
    for (const payload of this.#payloads) buffers.push(payload);
  }

  /** Makes it empty, for the next messages. */
  clear(): void {
    if (this.#heads.length > reusedHeadsBytesMax) this.#heads = new ByteWriter(4096);
    this.#heads.clear();
    reserveFrameHeader(this.#heads);
    this.#heads.uint32(0).uint32(0).uint32(0).uint32(0);
    this.#payloads.length = 0;
    this.#payloadBytes = 0;
    this.messageCount = 0;
    this.itemCount = 0;
    this.snapshots.length = 0;
  }

  #payloadsChecksum(): number {
    let checksum = 0;
    for (const payload of this.#payloads) {
      checksum = crc32c(payload, 0, payload.length, checksum);
    }
    return checksum;
  }
}

/**
 * Reads the messages of a frame's payload and appends them to `messages`, and its batches to `batches`. With `owned`, data of
 * entries and snapshots are slices of `payload`, which then belongs to the messages: whoever keeps
 * one of them keeps the whole frame in memory. Otherwise they are copies. Throws CORRUPT_MESSAGE.
 */
export function decodeMessageFrame(
  payload: Uint8Array,
  owned: boolean,
  messages: GroupMessage[],
  batches: PeerBatch[] = [],
): void {
  const headsEnd = checkedHeadsEnd(payload);
  const heads = new ByteReader(payload, prefixBytes, headsEnd);
  const payloads = new ByteReader(payload, headsEnd);
  const source = new MessageSource(heads, payloads, owned);
  const [messageCount, batchCount] = [messages.length, batches.length];
  try {
    while (heads.remaining > 0) {
      if (payload[heads.position] === heartbeatBatchTag) batches.push(decodeHeartbeatBatch(heads));
      else messages.push(decodeMessage(source));
    }
    payloads.expectEnd();
  } catch (error) {
    messages.length = messageCount; // A frame counts as a whole or not at all.
    batches.length = batchCount;
    throw error;
  }
}

/** Checks version and checksums and answers where the heads end. */
function checkedHeadsEnd(payload: Uint8Array): number {
  const prefix = new ByteReader(payload);
  const version = prefix.uint8();
  if (version !== messagesVersion) throw corruptFrame(`messages of version ${version}`);
  const flags = prefix.uint8();
  if (flags > flagPayloadChecksum || prefix.uint16() !== 0) throw corruptFrame("unknown flags");
  const headsEnd = prefixBytes + prefix.uint32();
  const headsChecksum = prefix.uint32();
  const payloadsChecksum = prefix.uint32();
  if (headsEnd > payload.length) throw corruptFrame(`heads that end at ${headsEnd} do not fit`);
  if (crc32c(payload, prefixBytes, headsEnd) !== headsChecksum) {
    throw corruptFrame("the checksum of its messages does not match");
  }
  const isChecked = (flags & flagPayloadChecksum) !== 0;
  const expected = isChecked ? crc32c(payload, headsEnd, payload.length) : 0;
  if (expected !== payloadsChecksum) {
    throw corruptFrame("the checksum of its payloads does not match");
  }
  return headsEnd;
}

/** Frames that were sent and may be used again, so that their memory stays warm. */
export class MessageFramePool {
  readonly #free: MessageFrame[] = [];
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  take(): MessageFrame {
    return this.#free.pop() ?? new MessageFrame();
  }

  give(frame: MessageFrame): void {
    if (this.#free.length >= this.#countMax) return;
    frame.clear();
    this.#free.push(frame);
  }
}

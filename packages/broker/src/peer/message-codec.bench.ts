import { createMessage } from "raft-ts";
import type { Message } from "raft-ts";
import { bench, describe } from "vitest";
import { frameHeaderBytes } from "./frame-header.ts";
import type { GroupMessage } from "./message-codec.ts";
import { decodeMessageFrame, MessageFrame } from "./message-frame.ts";

const group = { groupId: 4711, incarnation: 3 };
const frame = new MessageFrame();

const heartbeats = Array.from({ length: 1_000 }, (_, at) => ({
  ...createMessage("MsgHeartbeat", 2),
  from: 1,
  term: 12,
  commit: 1_000_000 + at,
}));
const smallEntries = [append(1_000, 200)];
const largeEntries = [append(4, 256 * 1024)];

describe("1,000 heartbeats", () => benchFrame(heartbeats));
describe("1,000 entries of 200 bytes in one append", () => benchFrame(smallEntries));
describe("4 entries of 256 KiB in one append", () => benchFrame(largeEntries));

function benchFrame(messages: readonly Message[]): void {
  const payload = payloadOf(messages);
  bench("encode", () => {
    encode(messages);
  });
  bench("decode", () => {
    const received: GroupMessage[] = [];
    decodeMessageFrame(payload, true, received);
    if (received.length !== messages.length) throw new Error("messages were lost");
  });
}

function encode(messages: readonly Message[]): Uint8Array[] {
  frame.clear();
  for (const message of messages) frame.add(group, message);
  const buffers: Uint8Array[] = [];
  frame.finishInto(buffers);
  return buffers;
}

function payloadOf(messages: readonly Message[]): Buffer {
  return Buffer.concat(encode(messages)).subarray(frameHeaderBytes);
}

function append(count: number, dataBytes: number): Message {
  const entries = Array.from({ length: count }, (_, at) => ({
    index: at + 8,
    term: 12,
    type: "normal" as const,
    data: new Uint8Array(dataBytes).fill(at),
  }));
  return { ...createMessage("MsgApp", 2), from: 1, term: 12, logTerm: 12, index: 7, entries };
}

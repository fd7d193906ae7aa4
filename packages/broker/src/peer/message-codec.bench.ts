import { createMessage } from "raft-ts";
import type { Message } from "raft-ts";
import { expect, test } from "vitest";
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

const cases: readonly (readonly [name: string, messages: readonly Message[]])[] = [
  ["1,000 heartbeats", heartbeats],
  ["1,000 entries of 200 bytes in one append", smallEntries],
  ["4 entries of 256 KiB in one append", largeEntries],
];

test.for(cases)("a frame of %s", async ([, messages], { bench }) => {
  const payload = payloadOf(messages);
  await bench.compare(
    bench("encode", () => {
      encode(messages);
    }),
    bench("decode", () => {
      const received: GroupMessage[] = [];
      decodeMessageFrame(payload, true, received);
      expect(received.length).toBe(messages.length);
    }),
  );
});

function encode(messages: readonly Message[]): Uint8Array[] {
  frame.clear();
  for (const message of messages) frame.add(group, message);
  const buffers: Uint8Array[] = [];
  frame.finishInto(buffers, false);
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

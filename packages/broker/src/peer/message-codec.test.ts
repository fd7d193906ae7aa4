import { ByteReader, ByteWriter, RopewalkError } from "@ropewalk/protocol";
import { createMessage } from "raft-ts";
import type { Entry, Message, MessageType, Snapshot } from "raft-ts";
import { describe, expect, test } from "vitest";
import { frameHeaderBytes, readFrameHeader } from "./frame-header.ts";
import {
  decodeMessage,
  encodeMessage,
  inlineBytesMax,
  messageBytesMax,
  MessageSource,
  remoteMessageTypes,
} from "./message-codec.ts";
import type { GroupMessage } from "./message-codec.ts";
import { decodeMessageFrame, MessageFrame } from "./message-frame.ts";

const seed = Number(process.env["SEED"] ?? 0x5eed17);
const group = { groupId: 7, incarnation: 3 };

describe("a frame of messages", () => {
  test("MessageFrame and decodeMessageFrame() give back random messages of many groups", () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 300; round++) {
      const sent = Array.from({ length: 1 + random(8) }, () => randomGroupMessage(random));
      for (const owned of [true, false]) {
        const received: GroupMessage[] = [];
        decodeMessageFrame(payloadOf(frameOf(sent)), owned, received);
        expect(plain(received), `seed=${seed} round=${round}`).toEqual(plain(sent));
      }
    }
  });

  test("MessageFrame.finishInto() passes long data on by reference", () => {
    const long = new Uint8Array(inlineBytesMax + 1).fill(1);
    const short = new Uint8Array(inlineBytesMax).fill(2);
    const frame = new MessageFrame();
    frame.add(group, append([entry(1, short), entry(2, long)]));
    const buffers: Uint8Array[] = [];
    frame.finishInto(buffers, true);
    expect(buffers).toHaveLength(2);
    expect(buffers[1]).toBe(long);
    expect(frame.bytes).toBe((buffers[0]?.length ?? 0) + long.length);
  });

  test("decodeMessageFrame() gives out slices of memory it owns, and copies of memory it does not", () => {
    const data = new Uint8Array(5000).fill(9);
    const payload = payloadOf(frameOf([{ group, message: append([entry(1, data)]) }]));
    const [kept, copied]: [GroupMessage[], GroupMessage[]] = [[], []];
    decodeMessageFrame(payload, true, kept);
    decodeMessageFrame(payload, false, copied);
    payload.fill(0);
    expect(kept[0]?.message.entries[0]?.data.every((byte) => byte === 0)).toBe(true);
    expect(copied[0]?.message.entries[0]?.data.every((byte) => byte === 9)).toBe(true);
  });

  test("MessageFrame.clear() makes a frame that was sent usable again", () => {
    const frame = new MessageFrame();
    frame.add(group, append([entry(1, new Uint8Array(300_000))]));
    frame.finishInto([], false);
    frame.clear();
    const heartbeat = { ...createMessage("MsgHeartbeat", 2), from: 1, term: 4 };
    frame.add(group, heartbeat);
    const buffers: Uint8Array[] = [];
    frame.finishInto(buffers, true);
    const received: GroupMessage[] = [];
    decodeMessageFrame(payloadOf(Buffer.concat(buffers)), true, received);
    expect(plain(received)).toEqual(plain([{ group, message: heartbeat }]));
  });

  test("a heartbeat takes at most 16 bytes beside its frame", () => {
    const heartbeat = { ...createMessage("MsgHeartbeat", 2), from: 1, term: 40, commit: 1_000_000 };
    const frame = new MessageFrame();
    const emptyBytes = frame.bytes;
    frame.add({ groupId: 10_000, incarnation: 12 }, heartbeat);
    expect(frame.bytes - emptyBytes).toBeLessThanOrEqual(16);
  });

  test("decodeMessageFrame() refuses every damaged byte", () => {
    const intact = payloadOf(frameOf([randomGroupMessage(randomFrom(1))]));
    for (let position = 0; position < intact.length; position++) {
      const damaged = Buffer.from(intact);
      damaged[position] = (damaged[position] ?? 0) ^ 0x10;
      expect(() => decodeMessageFrame(damaged, true, []), `byte ${position}`).toThrow(
        RopewalkError,
      );
    }
  });

  test("decodeMessageFrame() refuses payloads of another length than announced, and keeps nothing", () => {
    const data = new Uint8Array(5000);
    const intact = payloadOf(frameOf([{ group, message: append([entry(1, data)]) }], false));
    const received: GroupMessage[] = [];
    const longer = Buffer.concat([intact, Buffer.alloc(1)]);
    expect(() => decodeMessageFrame(longer, true, received)).toThrow(/follow the end/);
    expect(() => decodeMessageFrame(intact.subarray(0, -1), true, received)).toThrow(RopewalkError);
    expect(received).toEqual([]);
  });
});

describe("a message", () => {
  test("messageBytesMax() is never less than what encodeMessage() writes", () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 500; round++) {
      const { group: key, message } = randomGroupMessage(random);
      const writer = new ByteWriter();
      const payloads: Uint8Array[] = [];
      encodeMessage(writer, payloads, key, message);
      const bytes = payloads.reduce((sum, payload) => sum + payload.length, writer.length);
      expect(messageBytesMax(message), `seed=${seed} round=${round}`).toBeGreaterThanOrEqual(bytes);
    }
  });

  test("encodeMessage() refuses messages that do not travel", () => {
    const local: MessageType[] = ["MsgHup", "MsgForgetLeader", "MsgStorageAppend"];
    for (const type of local) {
      const encode = (): void => encodeMessage(new ByteWriter(), [], group, createMessage(type, 2));
      expect(encode).toThrow(/does not travel/);
    }
  });

  test("decodeMessage() answers random bytes with CORRUPT_MESSAGE or with a message, never with a crash", () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(Array.from({ length: random(60) }, () => random(256)));
      // Known types, so that more than the first byte is read.
      if (bytes.length > 0 && round % 4 > 0) bytes[0] = 2 + random(8);
      expectDecodedOrCorrupt(bytes, `seed=${seed} round=${round}`);
    }
  });

  test("decodeMessage() answers truncated and mutated messages with CORRUPT_MESSAGE or with a message", () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 3_000; round++) {
      const writer = new ByteWriter();
      const { group: key, message } = randomGroupMessage(random);
      encodeMessage(writer, [], key, message);
      const bytes = Buffer.from(writer.finish().subarray(0, 1 + random(writer.length)));
      bytes[random(bytes.length)] = random(256);
      expectDecodedOrCorrupt(bytes, `seed=${seed} round=${round}`);
    }
  });

  test("decodeMessage() refuses a count of entries that no frame can hold before it makes a list", () => {
    const writer = new ByteWriter();
    writer.uint8(3).uvarint(128).uvarint(1).uvarint(1).uvarint(1).uvarint(1).uvarint(1);
    writer.uvarint(2 ** 50);
    expect(() => decodeMessage(sourceOf(writer.finish()))).toThrow(/items in a frame/);
  });
});

function expectDecodedOrCorrupt(bytes: Buffer, context: string): void {
  try {
    decodeMessage(sourceOf(bytes));
  } catch (error) {
    expect(error, context).toBeInstanceOf(RopewalkError);
    expect((error as RopewalkError).code, context).toBe("CORRUPT_MESSAGE");
  }
}

function sourceOf(heads: Buffer): MessageSource {
  return new MessageSource(new ByteReader(heads), new ByteReader(Buffer.alloc(4096)), true);
}

function frameOf(messages: readonly GroupMessage[], checksums = true): Buffer {
  const frame = new MessageFrame();
  for (const { group: key, message } of messages) frame.add(key, message);
  const buffers: Uint8Array[] = [];
  frame.finishInto(buffers, checksums);
  return Buffer.concat(buffers);
}

function payloadOf(frame: Buffer): Buffer {
  const { payloadBytes } = readFrameHeader(frame, 0, frame.length);
  expect(payloadBytes).toBe(frame.length - frameHeaderBytes);
  return Buffer.from(frame.subarray(frameHeaderBytes));
}

/** Data as plain arrays: a Buffer and a Uint8Array with equal bytes count as equal. */
function plain(messages: readonly GroupMessage[]): unknown {
  return JSON.parse(
    JSON.stringify(messages, (_key, value: unknown) => {
      if (value === undefined) return "undefined";
      if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
      if (isBufferJson(value)) return Buffer.from(value.data).toString("hex");
      return value;
    }),
  );
}

function isBufferJson(value: unknown): value is { data: number[] } {
  return typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";
}

function entry(index: number, data: Uint8Array): Entry {
  return { index, term: 2, type: "normal", data };
}

function append(entries: readonly Entry[]): Message {
  return { ...createMessage("MsgApp", 2), from: 1, term: 2, logTerm: 2, entries };
}

type RandomInteger = (bound: number) => number;

function randomGroupMessage(random: RandomInteger): GroupMessage {
  const type = remoteMessageTypes[random(remoteMessageTypes.length)] ?? "MsgApp";
  const index = random(2) === 0 ? 0 : randomNumber(random);
  const message: Message = {
    ...createMessage(type, 1 + random(2 ** 31)),
    from: 1 + random(9),
    term: randomNumber(random),
    logTerm: random(2) === 0 ? 0 : randomNumber(random),
    index,
    commit: random(2) === 0 ? 0 : randomNumber(random),
    vote: random(3),
    reject: random(2) === 0,
    rejectHint: random(2) === 0 ? 0 : randomNumber(random),
    context: random(2) === 0 ? 0 : randomNumber(random),
    entries: Array.from({ length: random(4) }, (_, at) => randomEntry(random, index + at)),
    snapshot: random(4) === 0 ? randomSnapshot(random) : undefined,
  };
  const key = { groupId: randomNumber(random), incarnation: randomNumber(random) };
  if (random(2) === 0) return { group: key, message };
  const replicas = { fromReplica: randomNumber(random), toReplica: random(2) };
  return { group: { ...key, ...replicas }, message };
}

function randomEntry(random: RandomInteger, previousIndex: number): Entry {
  const types = ["normal", "confChange", "confChangeV2"] as const;
  const index = random(4) === 0 ? randomNumber(random) : Math.min(previousIndex + 1, 2 ** 53 - 1);
  const type = types[random(3)] ?? "normal";
  return { index, term: random(3), type, data: randomData(random) };
}

function randomSnapshot(random: RandomInteger): Snapshot {
  const ids = (): number[] => Array.from({ length: random(4) }, () => random(1000));
  return {
    index: randomNumber(random),
    term: randomNumber(random),
    confState: {
      voters: ids(),
      votersOutgoing: ids(),
      learners: ids(),
      learnersNext: ids(),
      autoLeave: random(2) === 0,
    },
    data: randomData(random),
  };
}

function randomData(random: RandomInteger): Uint8Array {
  const sizes = [0, 1, 40, inlineBytesMax, inlineBytesMax + 1, 3000];
  const data = new Uint8Array(sizes[random(sizes.length)] ?? 0);
  for (let at = 0; at < data.length; at += 97) data[at] = random(256);
  return data;
}

/** Small and large safe integers alike. */
function randomNumber(random: RandomInteger): number {
  return Math.min(2 ** random(53) + random(100), Number.MAX_SAFE_INTEGER - 10);
}

/** A small seeded generator (mulberry32); integers in [0, bound). */
function randomFrom(start: number): RandomInteger {
  let state = start >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

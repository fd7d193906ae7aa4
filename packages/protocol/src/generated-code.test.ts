import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import type protobufjs from "protobufjs";
import { expect, test } from "vitest";

import { decodeFetchStreamRequest, encodeFetchStreamRequest } from "./generated/fetch-service.ts";
import { decodeFetchStreamResponse, encodeFetchStreamResponse } from "./generated/fetch-service.ts";
import { decodeListOffsetsRequest, encodeListOffsetsRequest } from "./generated/fetch-service.ts";
import {
  decodeHealthListResponse,
  encodeHealthListResponse,
} from "./generated/grpc-health-v1-health.ts";
import { decodeProduceRequest, encodeProduceRequest } from "./generated/produce-service.ts";
import {
  decodeProduceAck,
  decodeProduceStreamRequest,
  encodeProduceAck,
} from "./generated/produce-service.ts";
import { decodeTopicDescription, encodeTopicDescription } from "./generated/topic-service.ts";

const protobuf = createRequire(import.meta.url)("protobufjs") as typeof protobufjs;
const invalid = expect.objectContaining({ code: "INVALID_REQUEST" });

/** The same schema in protobufjs' own reflection, as somebody else's encoder. */
function reflected(messageName: string): protobufjs.Type {
  const protoRoot = resolve(import.meta.dirname, "../../../proto/ropewalk/v1");
  const root = new protobuf.Root();
  for (const file of readdirSync(protoRoot)) {
    protobuf.parse(readFileSync(resolve(protoRoot, file), "utf8"), root);
  }
  return root.lookupType(`ropewalk.v1.${messageName}`);
}

test("a decoded message has all of its fields", () => {
  expect(decodeProduceAck(new Uint8Array(0))).toEqual({
    correlationId: 0,
    error: undefined,
    baseOffset: 0,
    nextOffset: 0,
    duplicate: false,
  });
  expect(encodeProduceAck({ correlationId: 0, baseOffset: 0, duplicate: false })).toHaveLength(0);
});

test("an optional field tells zero from nothing", () => {
  const [record] = decodeProduceRequest(
    encodeProduceRequest({ records: [{ timestampMs: 0, key: new Uint8Array(0) }] }),
  ).records;
  expect(record?.timestampMs).toBe(0);
  expect(record?.key).toHaveLength(0);
  expect(record?.value).toBeUndefined();
});

test("a oneof is a union that is told apart by its case", () => {
  for (const at of [
    { case: "offset", value: 0 },
    { case: "timestampMs", value: -1 },
    { case: "edge", value: "LATEST" },
  ] as const) {
    const message = { case: "subscribe", value: { topic: "t", start: { at } } } as const;
    const read = decodeFetchStreamRequest(encodeFetchStreamRequest({ message })).message;
    if (read?.case !== "subscribe") throw new Error(`read ${read?.case}`);
    expect(read.value.start?.at).toEqual(at);
  }
  expect(decodeFetchStreamRequest(new Uint8Array(0)).message).toBeUndefined();
});

test("an enum value that is not known is the one with the number zero", () => {
  expect(decodeProduceStreamRequest(Buffer.of(32, 2)).acks).toBe("LEADER");
  expect(decodeProduceStreamRequest(Buffer.of(32, 77)).acks).toBe("UNSPECIFIED");
});

test("maps and repeated fields keep what they have", () => {
  const topic = {
    name: "t",
    topicId: "id",
    internal: true,
    configs: new Map([
      ["__proto__", "1"],
      ["", ""],
    ]),
    partitions: [{ partition: -1, leaderId: 1, leaderEpoch: 2, replicaIds: [1, 2147483647, -5] }],
  };
  expect(decodeTopicDescription(encodeTopicDescription(topic))).toEqual(topic);
  const statuses = new Map([
    ["a", { status: "SERVING" }],
    ["b", {}],
  ] as const);
  expect([...decodeHealthListResponse(encodeHealthListResponse({ statuses })).statuses]).toEqual([
    ["a", { status: "SERVING" }],
    ["b", { status: "UNKNOWN" }],
  ]);
});

test("64-bit integers are numbers, and those that are not safe are refused", () => {
  const { MAX_SAFE_INTEGER, MIN_SAFE_INTEGER } = Number;
  for (const baseOffset of [
    1,
    2 ** 31,
    2 ** 32,
    2 ** 49,
    MAX_SAFE_INTEGER,
    -1,
    -(2 ** 32),
    MIN_SAFE_INTEGER,
  ]) {
    expect(decodeProduceAck(encodeProduceAck({ baseOffset })).baseOffset).toBe(baseOffset);
  }
  expect(() => encodeProduceAck({ baseOffset: 2 ** 53 })).toThrow(RangeError);
  expect(() => encodeProduceAck({ baseOffset: Number.NaN })).toThrow(RangeError);
  expect(() => decodeProduceAck(Buffer.from("18ffffffffffffffff7f", "hex"))).toThrow(invalid);
});

test("numbers that do not fit into their field are refused", () => {
  expect(() => encodeProduceAck({ correlationId: -1 })).toThrow(RangeError);
  expect(() => encodeProduceAck({ correlationId: 2 ** 32 })).toThrow(RangeError);
  expect(() => encodeListOffsetsRequest({ partitions: [1.5] })).toThrow(RangeError);
});

test("unknown fields are skipped, packed and unpacked numbers are read", () => {
  const unknown = Buffer.from(
    "f80101" + "fa0102abcd" + "fd0101020304" + "f9010102030405060708",
    "hex",
  );
  const unpacked = Buffer.from("10011002", "hex");
  const packed = Buffer.from("12020304", "hex");
  const read = decodeListOffsetsRequest(Buffer.concat([unknown, unpacked, packed, unknown]));
  expect(read.partitions).toEqual([1, 2, 3, 4]);
});

test("bytes fields are slices of the input", () => {
  const input = encodeProduceRequest({ recordBatch: Buffer.from("batch"), topic: "t" });
  const { recordBatch } = decodeProduceRequest(input);
  expect(recordBatch.buffer).toBe(input.buffer);
  expect(Buffer.from(recordBatch).toString()).toBe("batch");
});

test("the fields of a message end where it does", () => {
  // An ack whose error says 2 bytes, of which a string of 3 bytes is the last.
  expect(() => decodeProduceAck(Buffer.from("1202120361626318", "hex"))).toThrow(invalid);
  expect(() => decodeProduceAck(Buffer.from("12ff", "hex"))).toThrow(invalid);
  expect(() => decodeProduceAck(Buffer.from("00", "hex"))).toThrow(invalid);
  expect(() => decodeProduceAck(Buffer.from("0b".repeat(200_000), "hex"))).toThrow(invalid);
});

test("encoders and decoders agree with protobufjs' reflection", () => {
  const type = reflected("FetchStreamResponse");
  const pieces = [Buffer.from("first "), Buffer.from("second")];
  const value = { recordBatches: pieces, nextOffset: 2 ** 40, highWatermark: -1 };
  const encoded = encodeFetchStreamResponse({
    subscriptionId: 7,
    message: { case: "batches", value },
  });
  const plain = type.toObject(type.decode(encoded), { longs: Number, bytes: Buffer });
  const batches = {
    recordBatches: Buffer.from("first second"),
    nextOffset: 2 ** 40,
    highWatermark: -1,
  };
  expect(plain).toEqual({ subscriptionId: 7, batches });
  const theirs = type.encode(type.fromObject({ subscriptionId: 7, batches })).finish();
  expect(decodeFetchStreamResponse(theirs)).toEqual(decodeFetchStreamResponse(encoded));
});

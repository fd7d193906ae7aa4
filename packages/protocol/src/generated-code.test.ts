import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import type protobufjs from "protobufjs";
import { expect, test } from "vitest";

import { fetchService } from "./generated/fetch-service.ts";
import { healthService } from "./generated/grpc-health-v1-health.ts";
import {
  type ProduceAck,
  type ProduceAckInit,
  produceService,
} from "./generated/produce-service.ts";
import { topicService } from "./generated/topic-service.ts";
import type { GrpcMethod } from "./grpc-method.ts";

const protobuf = createRequire(import.meta.url)("protobufjs") as typeof protobufjs;
const invalid = expect.objectContaining({ code: "INVALID_REQUEST" });

/** A message as real bytes, in place of what may leave its payload for later. */
function bytesOf(serialized: Buffer): Buffer {
  const bytes = Buffer.alloc(serialized.length);
  serialized.copy(bytes);
  return bytes;
}

function throughRequest<Request, RequestInit>(
  method: GrpcMethod<Request, RequestInit, unknown, never, boolean, boolean>,
  message: RequestInit,
): Request {
  return method.requestDeserialize(bytesOf(method.requestSerialize(message)));
}

function throughResponse<Response, ResponseInit>(
  method: GrpcMethod<unknown, never, Response, ResponseInit, boolean, boolean>,
  message: ResponseInit,
): Response {
  return method.responseDeserialize(bytesOf(method.responseSerialize(message)));
}

function throughAck(ack: ProduceAckInit): ProduceAck | undefined {
  return throughResponse(produceService.produceStream, { acks: [ack] }).acks[0];
}

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
  const defaults = {
    correlationId: 0,
    error: undefined,
    baseOffset: 0,
    nextOffset: 0,
    duplicate: false,
  };
  expect(throughAck({})).toEqual(defaults);
  const { responseSerialize } = produceService.produceStream;
  expect(
    responseSerialize({ acks: [{ correlationId: 0, baseOffset: 0, duplicate: false }] }),
  ).toHaveLength(2);
});

test("an optional field tells zero from nothing", () => {
  const records = [{ timestampMs: 0, key: new Uint8Array(0) }];
  const [record] = throughRequest(produceService.produce, { records }).records;
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
    const read = throughRequest(fetchService.fetchStream, { message }).message;
    if (read?.case !== "subscribe") throw new Error(`read ${read?.case}`);
    expect(read.value.start?.at).toEqual(at);
  }
  expect(throughRequest(fetchService.fetchStream, {}).message).toBeUndefined();
});

test("an enum value that is not known is the one with the number zero", () => {
  const { requestDeserialize } = produceService.produceStream;
  expect(requestDeserialize(Buffer.of(32, 2)).acks).toBe("LEADER");
  expect(requestDeserialize(Buffer.of(32, 77)).acks).toBe("UNSPECIFIED");
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
  expect(throughResponse(topicService.describeTopic, { topic }).topic).toEqual(topic);
  const statuses = new Map([
    ["a", { status: "SERVING" }],
    ["b", {}],
  ] as const);
  expect([...throughResponse(healthService.list, { statuses }).statuses]).toEqual([
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
    expect(throughAck({ baseOffset })?.baseOffset).toBe(baseOffset);
  }
  expect(() => throughAck({ baseOffset: 2 ** 53 })).toThrow(RangeError);
  expect(() => throughAck({ baseOffset: Number.NaN })).toThrow(RangeError);
  const { responseDeserialize } = produceService.produce;
  expect(() => responseDeserialize(Buffer.from("08ffffffffffffffff7f", "hex"))).toThrow(invalid);
  expect(() => responseDeserialize(Buffer.from("08ffffffffffffffffffffff", "hex"))).toThrow(
    invalid,
  );
});

test("numbers that do not fit into their field are refused", () => {
  expect(() => throughAck({ correlationId: -1 })).toThrow(RangeError);
  expect(() => throughAck({ correlationId: 2 ** 32 })).toThrow(RangeError);
  expect(() => throughRequest(fetchService.listOffsets, { partitions: [1.5] })).toThrow(RangeError);
});

test("unknown fields are skipped, packed and unpacked numbers are read", () => {
  const unknown = Buffer.from("f80101fa0102abcdfd0101020304f9010102030405060708", "hex");
  const unpacked = Buffer.from("10011002", "hex");
  const packed = Buffer.from("12020304", "hex");
  const bytes = Buffer.concat([unknown, unpacked, packed, unknown]);
  expect(fetchService.listOffsets.requestDeserialize(bytes).partitions).toEqual([1, 2, 3, 4]);
});

test("bytes fields are slices of the input", () => {
  const { requestSerialize, requestDeserialize } = produceService.produce;
  const input = bytesOf(requestSerialize({ recordBatch: Buffer.from("batch"), topic: "t" }));
  const { recordBatch } = requestDeserialize(input);
  expect(recordBatch.buffer).toBe(input.buffer);
  expect(Buffer.from(recordBatch).toString()).toBe("batch");
});

test.each([
  // Fields 2 (acks) of a ProduceStreamResponse, whose field 2 (error) has a field 2 (message).
  ["a field passes the end at 6", "1204 1202 1203 616263 00"],
  ["a field of 3 bytes at 4 passes the end at 4", "1202 1203 616263"],
  ["a field of 255 bytes at 3 passes the end at 3", "12ff01"],
  ["a field of 5 bytes at 2 passes the end at 2", "1205"],
  ["index out of range", "80"],
  ["illegal tag: field number 0", "0000"],
  ["max depth exceeded", "0b".repeat(200_000)],
  ["invalid end group tag", "0b14"],
  // Field 3 (base_offset) of an ack.
  ["the varint at 3 has no end", "1202 1880"],
  ["a field passes the end at 4", "1202 1880 00"],
  ["the varint at 3 has no end", "120b 18 ffffffffffffffffffff"],
  ["the 64-bit integer at 3 is not a safe integer", "120a 18 ffffffffffffffff7f"],
])("a decoder refuses bytes: %s", (reason, hex) => {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const message = expect.stringContaining(`ropewalk.v1.ProduceStreamResponse: ${reason}`) as string;
  expect(() => produceService.produceStream.responseDeserialize(bytes)).toThrow(
    expect.objectContaining({ code: "INVALID_REQUEST", message }),
  );
});

test("encoders and decoders agree with protobufjs' reflection", () => {
  const { responseSerialize, responseDeserialize } = fetchService.fetchStream;
  const type = reflected("FetchStreamResponse");
  const pieces = [Buffer.from("first "), Buffer.from("second")];
  const value = { recordBatches: pieces, nextOffset: 2 ** 40, highWatermark: -1 };
  const encoded = bytesOf(
    responseSerialize({ subscriptionId: 7, message: { case: "batches", value } }),
  );
  const plain = type.toObject(type.decode(encoded), { longs: Number, bytes: Buffer });
  const batches = {
    recordBatches: Buffer.from("first second"),
    nextOffset: 2 ** 40,
    highWatermark: -1,
  };
  expect(plain).toEqual({ subscriptionId: 7, batches });
  const theirs = type.encode(type.fromObject({ subscriptionId: 7, batches })).finish();
  expect(responseDeserialize(Buffer.from(theirs))).toEqual(responseDeserialize(encoded));
});

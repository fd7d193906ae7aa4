import { ByteWriter, RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { frameHeaderBytes, frameKind, readFrameHeader } from "./frame-header.ts";
import { decodeHello, decodeHelloAnswer, encodeHello, encodeHelloAnswer } from "./hello.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  requestHeadBytesMax,
} from "./request-codec.ts";

describe("requests and answers", () => {
  test.for([0, 4711, "group.join", "x".repeat(100)])(
    "encodeRequest() and decodeRequest() give back the method %s",
    (method) => {
      const body = Buffer.from("body");
      const buffers = encodeRequest(2 ** 32 - 1, method, body);
      expect(buffers[1]).toBe(body);
      expect(buffers[0]?.length).toBeLessThanOrEqual(requestHeadBytesMax);
      const request = decodeRequest(payloadOf(buffers, frameKind.request));
      expect(request).toEqual({ requestId: 2 ** 32 - 1, method, body });
    },
  );

  test("encodeRequest() refuses a method whose name is too long", () => {
    expect(() => encodeRequest(1, "x".repeat(101), Buffer.alloc(0))).toThrow(/too long a name/);
  });

  test("encodeAnswer() and decodeAnswer() give back bodies and errors", () => {
    const error = new RopewalkError("NOT_LEADER", "Ask another.", {
      leaderId: 7,
      retryAfterMs: 20,
    });
    const plain = new RopewalkError("BUSY", "Later.");
    for (const outcome of [Buffer.from("body"), Buffer.alloc(0), error, plain]) {
      const answer = decodeAnswer(payloadOf(encodeAnswer(5, outcome, 1), frameKind.answer));
      expect(answer).toEqual({ requestId: 5, outcome });
      if (!(outcome instanceof RopewalkError)) continue;
      expect(answer.outcome).toMatchObject({
        code: outcome.code,
        leaderId: outcome.leaderId,
        retryAfterMs: outcome.retryAfterMs,
      });
    }
  });

  test("encodeAnswer() says which value was refused and what was possible, to who understands it", () => {
    const error = new RopewalkError("INVALID_PARTITIONS", "Too many.", {
      leaderId: 7,
      invalidConfig: { name: "a", value: "1", validValues: "2" },
      validRange: { name: "partition_count", min: 1, max: 5 },
    });
    const answerOf = (version: number) =>
      decodeAnswer(payloadOf(encodeAnswer(5, error, version), frameKind.answer)).outcome;
    const { invalidConfig, validRange } = error;
    expect(answerOf(2)).toMatchObject({ leaderId: 7, invalidConfig, validRange });
    expect(answerOf(1)).toMatchObject({ leaderId: 7, message: "Too many." });
    expect(answerOf(1)).toHaveProperty("validRange", undefined);
  });

  test("decodeAnswer() reads an error code of a later version as UNKNOWN_SERVER_ERROR", () => {
    const writer = new ByteWriter();
    writer.uint32(5).uint8(1).string("NOT_INVENTED_YET").string("Something.").uint8(0);
    expect(decodeAnswer(writer.finish()).outcome).toMatchObject({
      code: "UNKNOWN_SERVER_ERROR",
      message: "Something.",
    });
  });

  test("decoders answer every truncated frame with CORRUPT_MESSAGE or a shorter body", () => {
    const identity = { brokerId: 1, directoryId: "directory", clusterId: "cluster" };
    const hello = { ...identity, versionMin: 1, versionMax: 3, targetBrokerId: 2 };
    const error = new RopewalkError("NOT_LEADER", "Ask another.", { leaderId: 7 });
    const frames: [Buffer, (payload: Uint8Array) => unknown][] = [
      [encodeHello({ ...hello, lane: "bulk" }), decodeHello],
      [encodeHelloAnswer({ ...identity, version: 0, refusal: "no" }), decodeHelloAnswer],
      [Buffer.concat(encodeAnswer(5, error, 2)), decodeAnswer],
      [Buffer.concat(encodeRequest(5, "method", Buffer.alloc(0))), decodeRequest],
    ];
    for (const [frame, decode] of frames) {
      const payload = frame.subarray(frameHeaderBytes);
      expect(() => decode(payload)).not.toThrow();
      for (let length = 0; length < payload.length; length++) {
        expect(() => decode(payload.subarray(0, length))).toThrow(RopewalkError);
      }
    }
  });
});

function payloadOf(buffers: readonly Uint8Array[], kind: number): Buffer {
  const frame = Buffer.concat(buffers);
  const header = readFrameHeader(frame, 0, frame.length);
  expect(header).toEqual({ kind, payloadBytes: frame.length - frameHeaderBytes });
  return frame.subarray(frameHeaderBytes);
}

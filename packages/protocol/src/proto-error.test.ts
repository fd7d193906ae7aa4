import { expect, test } from "vitest";

import { errorCodes, errorTraits } from "./error-code.ts";
import { decodeProtoError, encodeProtoError, protoErrorCodeNumbers } from "./generated/error.ts";
import { encodeStatus } from "./generated/google-rpc-status.ts";
import {
  decodeErrorStatus,
  encodeErrorStatus,
  fromProtoError,
  toProtoError,
} from "./proto-error.ts";
import { RopewalkError } from "./ropewalk-error.ts";

test("errorTraits has the Kafka code that the number on the wire is made of", () => {
  for (const code of errorCodes) {
    const number = protoErrorCodeNumbers[code];
    if (number < 2000) expect([code, errorTraits[code].kafkaCode]).toEqual([code, number - 1000]);
  }
});

test("errorTraits gives every code a failure's gRPC status", () => {
  for (const code of errorCodes) {
    expect(errorTraits[code].grpcStatus).toBeGreaterThanOrEqual(2);
    expect(errorTraits[code].grpcStatus).toBeLessThanOrEqual(16);
  }
});

test("RopewalkError carries its code's traits, its details and its cause", () => {
  const cause = new Error("disk");
  const error = new RopewalkError("NOT_LEADER", "no", { leaderId: 3, cause });
  expect(error).toMatchObject({
    name: "RopewalkError",
    code: "NOT_LEADER",
    leaderId: 3,
    message: "no",
    cause,
  });
  expect([error.outcome, error.retriable, error.retryAfterMs]).toEqual([
    "definite",
    true,
    undefined,
  ]);
  expect(new RopewalkError("UNKNOWN_OUTCOME", "?").outcome).toBe("indefinite");
});

test("fromProtoError() undoes toProtoError() over the wire, for every code", () => {
  for (const code of errorCodes) {
    const error = new RopewalkError(code, `message of ${code}`, { leaderId: 0, retryAfterMs: 250 });
    const read = fromProtoError(decodeProtoError(encodeProtoError(toProtoError(error))));
    expect(read).toEqual(error);
  }
});

test("fromProtoError() takes a code that it does not know for an unknown outcome", () => {
  const read = fromProtoError(decodeProtoError(Buffer.of(8, 0x8f, 0x4e))); // code 9999
  expect([read.code, read.outcome]).toEqual(["UNKNOWN_SERVER_ERROR", "indefinite"]);
});

test("decodeErrorStatus() finds the error in a google.rpc.Status", () => {
  const error = new RopewalkError("BUSY", "later", { retryAfterMs: 10 });
  expect(decodeErrorStatus(encodeErrorStatus(error))).toEqual(error);
  expect(decodeErrorStatus(encodeStatus({ code: 5, message: "not ours" }))).toBeUndefined();
});

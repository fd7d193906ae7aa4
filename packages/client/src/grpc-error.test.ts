import { Metadata, status } from "@grpc/grpc-js";
import { encodeErrorStatus, RopewalkError, statusDetailsKey } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { errorFromGrpc } from "./grpc-error.ts";

function failure(code: number, details: string, statusDetails?: Buffer): object {
  const metadata = new Metadata();
  if (statusDetails !== undefined) metadata.set(statusDetailsKey, statusDetails);
  return { code, details, metadata };
}

describe("errorFromGrpc()", () => {
  test("errorFromGrpc() takes the broker's error out of the status details", () => {
    const sent = new RopewalkError("NOT_LEADER", "ask 3", { leaderId: 3, retryAfterMs: 20 });
    const error = errorFromGrpc(
      failure(status.UNAVAILABLE, "x", encodeErrorStatus(sent)),
      "Cannot",
    );
    expect(error).toMatchObject({
      code: "NOT_LEADER",
      message: "ask 3",
      leaderId: 3,
      retryAfterMs: 20,
    });
  });

  test("errorFromGrpc() goes by the status code where the details are not the broker's", () => {
    const error = errorFromGrpc(
      failure(status.INTERNAL, "reset", Buffer.from([0xff, 0xff])),
      "Cannot read",
    );
    expect(error).toMatchObject({ code: "UNKNOWN_OUTCOME", message: "Cannot read: reset" });
  });

  const cases: readonly (readonly [number, string, string, "definite" | "indefinite"])[] = [
    [
      status.UNAVAILABLE,
      "No connection established. Last error: refused",
      "LEADER_NOT_AVAILABLE",
      "definite",
    ],
    [
      status.UNAVAILABLE,
      "Name resolution failed for target dns:x",
      "LEADER_NOT_AVAILABLE",
      "definite",
    ],
    [status.UNAVAILABLE, "Connection dropped", "UNKNOWN_OUTCOME", "indefinite"],
    [status.DEADLINE_EXCEEDED, "too late", "REQUEST_TIMED_OUT", "indefinite"],
    [status.RESOURCE_EXHAUSTED, "too large", "MESSAGE_TOO_LARGE", "definite"],
    [status.UNIMPLEMENTED, "what?", "INVALID_REQUEST", "definite"],
    [status.UNKNOWN, "who knows", "UNKNOWN_SERVER_ERROR", "indefinite"],
  ];
  for (const [code, details, name, outcome] of cases) {
    test(`errorFromGrpc() calls status ${code} "${details}" ${name}`, () => {
      expect(errorFromGrpc(failure(code, details), "Cannot")).toMatchObject({
        code: name,
        outcome,
      });
    });
  }

  test("errorFromGrpc() takes anything else for a call of unknown outcome", () => {
    expect(errorFromGrpc(new Error("boom"), "Cannot write")).toMatchObject({
      code: "UNKNOWN_OUTCOME",
    });
  });
});

import { status, type Metadata } from "@grpc/grpc-js";
import {
  decodeErrorStatus,
  type ErrorCode,
  RopewalkError,
  statusDetailsKey,
} from "@ropewalk/protocol";

/** The part of grpc-js's `ServiceError` that is looked at. */
interface GrpcFailure {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** What grpc-js says when it never got as far as sending the call. It has no code of its own for that. */
const neverSent = /^(No connection established|Name resolution failed)/;

const neverPicked = "Waiting for LB pick";

/**
 * The error of a failed call. Brokers send theirs as a detail of `google.rpc.Status`; where there is none,
 * the call did not reach a broker or lost its answer: the status code decides, and `action` ("Cannot create
 * topic orders") begins the message.
 */
export function errorFromGrpc(failure: unknown, action: string): RopewalkError {
  if (failure instanceof RopewalkError) return failure;
  if (!isGrpcFailure(failure)) {
    return new RopewalkError("UNKNOWN_OUTCOME", `${action}: ${String(failure)}`, {
      cause: failure,
    });
  }
  const message = `${action}: ${failure.details}`;
  return detailOf(failure) ?? new RopewalkError(codeOfStatus(failure), message, { cause: failure });
}

function isGrpcFailure(failure: unknown): failure is GrpcFailure {
  if (typeof failure !== "object" || failure === null) return false;
  return "code" in failure && "details" in failure && typeof failure.code === "number";
}

function detailOf(failure: GrpcFailure): RopewalkError | undefined {
  const encoded = failure.metadata?.get(statusDetailsKey)[0];
  if (!(encoded instanceof Uint8Array)) return undefined;
  try {
    return decodeErrorStatus(encoded);
  } catch {
    // What sits between client and broker may put its own bytes there; the status code is left.
    return undefined;
  }
}

function codeOfStatus(failure: GrpcFailure): ErrorCode {
  switch (failure.code) {
    case status.UNAVAILABLE:
      return neverSent.test(failure.details) ? "LEADER_NOT_AVAILABLE" : "UNKNOWN_OUTCOME";
    // A connection that is cut in the middle of a call ends it with one of these.
    case status.INTERNAL:
    case status.CANCELLED:
    case status.ABORTED:
      return "UNKNOWN_OUTCOME";
    case status.DEADLINE_EXCEEDED:
      // The time was up while it still looked for a connection.
      return failure.details.includes(neverPicked) ? "LEADER_NOT_AVAILABLE" : "REQUEST_TIMED_OUT";
    // Without a detail it is gRPC itself, whose only bounded resource is the size of a message.
    case status.RESOURCE_EXHAUSTED:
      return "MESSAGE_TOO_LARGE";
    case status.INVALID_ARGUMENT:
    case status.UNIMPLEMENTED:
      return "INVALID_REQUEST";
    default:
      return "UNKNOWN_SERVER_ERROR";
  }
}

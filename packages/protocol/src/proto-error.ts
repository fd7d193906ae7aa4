import { errorTraits } from "./error-code.ts";
import {
  decodeProtoError,
  encodeProtoError,
  type ProtoError,
  type ProtoErrorInit,
} from "./generated/error.ts";
import { decodeStatus, encodeStatus } from "./generated/google-rpc-status.ts";
import { RopewalkError } from "./ropewalk-error.ts";

/** The key of the gRPC trailer that carries a serialized `google.rpc.Status`. */
export const statusDetailsKey = "grpc-status-details-bin";

const errorTypeUrl = "type.googleapis.com/ropewalk.v1.Error";

/** An error as the message that streams carry in-band. Its cause and stack stay here. */
export function toProtoError(error: RopewalkError): ProtoErrorInit {
  const { code, message, leaderId, retryAfterMs, invalidConfig, validRange } = error;
  return { code, message, leaderId, retryAfterMs, invalidConfig, validRange };
}

/**
 * The error that a message stands for. A code that this version does not know becomes
 * `UNKNOWN_SERVER_ERROR`, which is indefinite: nothing is assumed about what happened.
 */
export function fromProtoError(message: ProtoError): RopewalkError {
  const code = message.code === "UNSPECIFIED" ? "UNKNOWN_SERVER_ERROR" : message.code;
  const { leaderId, retryAfterMs, invalidConfig, validRange } = message;
  const details = { leaderId, retryAfterMs, invalidConfig, validRange };
  return new RopewalkError(code, message.message, details);
}

/** An error as the `google.rpc.Status` that goes with a failed call under {@link statusDetailsKey}. */
export function encodeErrorStatus(error: RopewalkError): Buffer {
  return encodeStatus({
    code: errorTraits[error.code].grpcStatus,
    message: error.message,
    details: [{ typeUrl: errorTypeUrl, value: encodeProtoError(toProtoError(error)) }],
  });
}

/**
 * The error in a serialized `google.rpc.Status`; `undefined` where it has none of ours. Bad bytes are
 * a `RopewalkError` with the code `INVALID_REQUEST`.
 */
export function decodeErrorStatus(bytes: Uint8Array): RopewalkError | undefined {
  const detail = decodeStatus(bytes).details.find((each) => each.typeUrl === errorTypeUrl);
  return detail === undefined ? undefined : fromProtoError(decodeProtoError(detail.value));
}

import { Metadata, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { encodeErrorStatus, RopewalkError, statusDetailsKey } from "@ropewalk/protocol";
import type { Logger } from "@ropewalk/runtime";

/** A handler as grpc-js wants it. */
export type UnaryHandler<Request, Response> = (
  call: ServerUnaryCall<Request, Response>,
  callback: sendUnaryData<Response>,
) => void;

/** Makes a handler out of an asynchronous function; its errors become statuses with details. */
export function unary<Request, Response>(
  logger: Logger,
  answer: (request: Request) => Promise<Response> | Response,
): UnaryHandler<Request, Response> {
  return (call, callback) => {
    Promise.try(() => answer(call.request)).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(toRopewalkError(error, logger))),
    );
  };
}

/** Expected errors as they are; others are defects: logged, and answered as UNKNOWN_SERVER_ERROR. */
export function toRopewalkError(error: unknown, logger: Logger): RopewalkError {
  if (error instanceof RopewalkError) return error;
  logger.error("a request failed unexpectedly", { error });
  return new RopewalkError(
    "UNKNOWN_SERVER_ERROR",
    "Cannot answer the request: the broker failed in a way it should not; its log says how",
    { cause: error },
  );
}

function toStatus(error: RopewalkError): { code: number; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set(statusDetailsKey, encodeErrorStatus(error));
  return { code: error.traits.grpcStatus, details: error.message, metadata };
}

import { Metadata, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { encodeErrorStatus, RopewalkError, statusDetailsKey } from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import { checkReadMask, masked } from "./read-mask.ts";
import { checkRequestLimits } from "./request-limits.ts";

/** A handler as grpc-js wants it. */
export type UnaryHandler<Request, Response> = (
  call: ServerUnaryCall<Request, Response>,
  callback: sendUnaryData<Response>,
) => void;

/**
 * Makes a handler out of an asynchronous function; its errors become statuses with details. It is not asked where a
 * list of the request is too long, nor where the client does not wait any more, and sends what the request's mask wants,
 * where it has one. The function is told the call's deadline in milliseconds since the epoch, which is infinite where the
 * client gave none.
 */
export function unary<Request extends object, Response extends object>(
  logger: Logger,
  answer: (request: Request, deadlineMs: number) => Promise<Response> | Response,
): UnaryHandler<Request, Response> {
  return (call, callback) => {
    if (call.cancelled) return; // Nobody hears an answer, and what was asked for has not begun.
    Promise.try(async () => {
      checkRequestLimits(call.getPath(), call.request);
      checkReadMask(call.getPath(), call.request);
      return masked(call.request, await answer(call.request, Number(call.getDeadline())));
    }).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(toRopewalkError(error, logger))),
    );
  };
}

/** How long a client still waits whose deadline is given, at least a millisecond; `undefined`: it gave none. */
export function patienceMs(clock: Clock, deadlineMs: number): number | undefined {
  return Number.isFinite(deadlineMs) ? Math.max(1, deadlineMs - clock.wallMs()) : undefined;
}

/** So long before the deadline an answer leaves that is to arrive before it, or an eighth of the time that there is. */
const answerMsMax = 50;

/** How long something may take, so that its answer, or the error that says which part is late, is still heard. */
export function workMs(clock: Clock, deadlineMs: number): number | undefined {
  const timeoutMs = patienceMs(clock, deadlineMs);
  return timeoutMs === undefined ? undefined : timeoutMs - Math.min(answerMsMax, timeoutMs / 8);
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

import assert from "node:assert/strict";
import {
  ByteReader,
  ByteWriter,
  decodeProtoError,
  encodeProtoError,
  errorCodes,
  RopewalkError,
} from "@ropewalk/protocol";
import type { ErrorCode } from "@ropewalk/protocol";
import { errorValuesVersion } from "./peer-config.ts";
import { corruptFrame, frameKind, patchFrameHeader, reserveFrameHeader } from "./frame-header.ts";

/**
 * Requests between brokers and their answers. Numbers are big-endian, texts a length (uvarint) and
 * UTF-8; the body reaches to the end of the frame.
 *
 *     request  | requestId u32 | methodKind u8 (0: number, 1: name) | method uvarint or text | body |
 *     answer   | requestId u32 | 0 u8 | body |
 *              | requestId u32 | 1 u8 | code text | message text | details u8 | leaderId uvarint | retryAfterMs uvarint | values bytes |
 *
 * Bit 0 of `details` says that leaderId is there, bit 1 that retryAfterMs is, bit 2 (version 2) that values are: a
 * `ropewalk.v1.Error` with nothing but the value that was refused and the range of valid ones. An error code unknown to
 * this version is read as UNKNOWN_SERVER_ERROR.
 */

/** What is asked for: a number or a name that both sides know. */
export type PeerMethod = number | string;

/** A large answer must not stand before heartbeats, so what brings one takes the lane for large things. */
export type AnswerSize = "small" | "large";

/** A request as it arrived; `body` is a slice of the frame. */
export interface PeerRequest {
  readonly requestId: number;
  readonly method: PeerMethod;
  readonly body: Uint8Array;
}

/** An answer as it arrived; a body is a slice of the frame. */
export interface PeerAnswer {
  readonly requestId: number;
  readonly outcome: Uint8Array | RopewalkError;
}

const methodCharsMax = 100;
/** What a request takes in a frame beside its body, at most; so does an answer. */
export const requestHeadBytesMax = 512;
const messageCharsMax = 2000;
const knownCodes: ReadonlySet<string> = new Set(errorCodes);

/** A whole frame in two buffers; `body` is not copied. */
export function encodeRequest(
  requestId: number,
  method: PeerMethod,
  body: Uint8Array,
): readonly Uint8Array[] {
  const writer = new ByteWriter();
  reserveFrameHeader(writer);
  const headerEnd = writer.length;
  writer.uint32(requestId);
  assert(String(method).length <= methodCharsMax, `the method ${method} has too long a name`);
  if (typeof method === "number") writer.uint8(0).uvarint(method);
  else writer.uint8(1).string(method);
  patchFrameHeader(writer, frameKind.request, writer.length - headerEnd + body.length);
  return [writer.finish(), body];
}

/** Reads a frame's payload. Throws CORRUPT_MESSAGE. */
export function decodeRequest(payload: Uint8Array): PeerRequest {
  const reader = new ByteReader(payload);
  const requestId = reader.uint32();
  const method = reader.bool() ? reader.string() : reader.uvarint();
  return { requestId, method, body: reader.raw(reader.remaining) };
}

/** A whole frame; a body is not copied. */
export function encodeAnswer(
  requestId: number,
  outcome: Uint8Array | RopewalkError,
  version: number,
): readonly Uint8Array[] {
  const writer = new ByteWriter();
  reserveFrameHeader(writer);
  const headerEnd = writer.length;
  writer.uint32(requestId);
  if (outcome instanceof RopewalkError) writeError(writer.uint8(1), outcome, version);
  else writer.uint8(0);
  const body = outcome instanceof RopewalkError ? undefined : outcome;
  const bodyBytes = body?.length ?? 0;
  patchFrameHeader(writer, frameKind.answer, writer.length - headerEnd + bodyBytes);
  return body === undefined ? [writer.finish()] : [writer.finish(), body];
}

/** Reads a frame's payload. Throws CORRUPT_MESSAGE. */
export function decodeAnswer(payload: Uint8Array): PeerAnswer {
  const reader = new ByteReader(payload);
  const requestId = reader.uint32();
  if (reader.bool()) return { requestId, outcome: readError(reader) };
  return { requestId, outcome: reader.raw(reader.remaining) };
}

function writeError(writer: ByteWriter, error: RopewalkError, version: number): void {
  const { code, invalidConfig, leaderId, message, retryAfterMs, validRange } = error;
  const hasValues = invalidConfig !== undefined || validRange !== undefined;
  const values =
    hasValues && version >= errorValuesVersion
      ? encodeProtoError({ invalidConfig, validRange })
      : undefined;
  writer.string(code).string(message.slice(0, messageCharsMax));
  writer.uint8(
    (leaderId === undefined ? 0 : 1) |
      (retryAfterMs === undefined ? 0 : 2) |
      (values === undefined ? 0 : 4),
  );
  if (leaderId !== undefined) writer.uvarint(leaderId);
  if (retryAfterMs !== undefined) writer.uvarint(Math.ceil(retryAfterMs));
  if (values !== undefined) writer.bytes(values);
}

function readError(reader: ByteReader): RopewalkError {
  const code = reader.string();
  const message = reader.string();
  const details = reader.uint8();
  if (details > 7) throw corruptFrame(`unknown details ${details} of an error`);
  const leaderId = details & 1 ? reader.uvarint() : undefined;
  const retryAfterMs = details & 2 ? reader.uvarint() : undefined;
  const values = details & 4 ? decodeProtoError(reader.bytes()) : undefined;
  const { invalidConfig, validRange } = values ?? {};
  const known = isErrorCode(code) ? code : "UNKNOWN_SERVER_ERROR";
  return new RopewalkError(known, message, { leaderId, retryAfterMs, invalidConfig, validRange });
}

function isErrorCode(code: string): code is ErrorCode {
  return knownCodes.has(code);
}

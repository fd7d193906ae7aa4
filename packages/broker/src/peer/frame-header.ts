import { crc32c, RopewalkError } from "@ropewalk/protocol";
import type { ByteWriter } from "@ropewalk/protocol";

/**
 * Everything between two brokers is a frame. All numbers are big-endian.
 *
 *     0        4      5       6          8                  12
 *     | length | kind | flags | reserved | crc32c of [0, 8) | payload, `length` bytes |
 *
 * The checksum makes a length trustworthy before memory is reserved for it, and turns away whatever
 * speaks another protocol with its first bytes. `flags` and `reserved` are zero.
 */
export const frameHeaderBytes = 12;

/** What a frame carries; the numbers are those on the wire. */
export const frameKind = {
  hello: 1,
  helloAnswer: 2,
  beat: 3,
  messages: 4,
  request: 5,
  answer: 6,
} as const;

/** One of the numbers of {@link frameKind}. */
export type FrameKind = (typeof frameKind)[keyof typeof frameKind];

const kindMax = frameKind.answer;

/** What the header of a frame says. */
export interface FrameHeader {
  readonly kind: FrameKind;
  /** Bytes behind the header. */
  readonly payloadBytes: number;
}

/** Leaves room for a header; {@link patchFrameHeader} fills it in once the length is known. */
export function reserveFrameHeader(writer: ByteWriter): void {
  writer.uint32(0).uint32(0).uint32(0);
}

/** Fills in the header at the beginning of `writer`, for a payload of `payloadBytes` in all. */
export function patchFrameHeader(writer: ByteWriter, kind: FrameKind, payloadBytes: number): void {
  writer.patchUint32(0, payloadBytes).patchUint32(4, kind * 0x1_00_0000);
  writer.patchUint32(8, crc32c(writer.finish(), 0, 8));
}

/**
 * Reads the header at `position`. Throws CORRUPT_MESSAGE where it is damaged, of an unknown kind, or
 * announces more than `payloadBytesMax`.
 */
export function readFrameHeader(
  bytes: Buffer,
  position: number,
  payloadBytesMax: number,
): FrameHeader {
  if (crc32c(bytes, position, position + 8) !== bytes.readUInt32BE(position + 8)) {
    throw corruptFrame("the checksum of a frame header does not match");
  }
  const payloadBytes = bytes.readUInt32BE(position);
  const kind = bytes.readUInt8(position + 4);
  if (!isFrameKind(kind)) throw corruptFrame(`no frame has the kind ${kind}`);
  if (payloadBytes > payloadBytesMax) {
    throw corruptFrame(`a frame of ${payloadBytes} bytes, ${payloadBytesMax} are allowed`);
  }
  return { kind, payloadBytes };
}

/** The error for bytes that no broker sends; the connection they came on is closed. */
export function corruptFrame(message: string): RopewalkError {
  return new RopewalkError("CORRUPT_MESSAGE", `Unusable bytes from a peer: ${message}.`);
}

function isFrameKind(kind: number): kind is FrameKind {
  return kind >= frameKind.hello && kind <= kindMax;
}

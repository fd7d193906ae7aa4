import type { Writer } from "protobufjs/minimal.js";

/** The bytes of a field in one piece, or in pieces that follow each other. */
export type BytesPieces = Uint8Array | readonly Uint8Array[];

/**
 * An encoded message whose largest field, the payload, comes last and has not been copied yet.
 *
 * gRPC puts five bytes before a message and therefore copies it once more than needed. grpc-js asks
 * the result of a serializer for three things only: `length` (client) or `byteLength` (server), and
 * `copy(target, start)`. An object that has these is copied once, straight into the frame.
 *
 * The payload is held by reference: it must stay untouched until grpc-js has copied it, which is
 * when the callback of `write()` runs, not when `write()` returns. gRPC compression needs a real
 * buffer: `toBuffer()`.
 */
export class PayloadMessage {
  /** The encoded size in bytes. */
  readonly length: number;
  /** The same as `length`. */
  readonly byteLength: number;
  readonly #head: Uint8Array;
  readonly #pieces: readonly Uint8Array[];

  /** `head` ends with the tag and the length of the payload, which `pieces` are. */
  constructor(head: Uint8Array, pieces: readonly Uint8Array[]) {
    this.length = head.length + totalBytes(pieces);
    this.byteLength = this.length;
    this.#head = head;
    this.#pieces = pieces;
  }

  /** The message around `inner`, which becomes its last field; without one, there is no such field. */
  static around(writer: Writer, tag: number, inner: PayloadMessage | undefined): PayloadMessage {
    if (inner === undefined) return new PayloadMessage(writer.finish(true), []);
    writer.uint32(tag).uint32(inner.length).raw(inner.#head);
    return new PayloadMessage(writer.finish(true), inner.#pieces);
  }

  /** The message that ends with a bytes field; an empty one is left out. */
  static endingWith(writer: Writer, tag: number, payload: BytesPieces | undefined): PayloadMessage {
    const pieces = payload === undefined ? [] : payload instanceof Uint8Array ? [payload] : payload;
    const payloadBytes = totalBytes(pieces);
    if (payloadBytes > 0) writer.uint32(tag).uint32(payloadBytes);
    return new PayloadMessage(writer.finish(true), pieces);
  }

  /** Writes the message to `target` at `start` and answers how many bytes that were. */
  copy(target: Uint8Array, start: number = 0): number {
    target.set(this.#head, start);
    let at = start + this.#head.length;
    for (const piece of this.#pieces) {
      target.set(piece, at);
      at += piece.length;
    }
    return this.length;
  }

  /** The whole message in a buffer of its own. */
  toBuffer(): Buffer {
    const buffer = Buffer.allocUnsafe(this.length);
    this.copy(buffer);
    return buffer;
  }

  /** This object in the place where grpc-js declares a `Buffer`, of which it uses what is here. */
  asSerialized(): Buffer {
    return this as unknown as Buffer;
  }
}

function totalBytes(pieces: readonly Uint8Array[]): number {
  let total = 0;
  for (const piece of pieces) total += piece.length;
  return total;
}

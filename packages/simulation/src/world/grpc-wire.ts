import { Metadata, status } from "@grpc/grpc-js";

/** What goes from a client to a door. */
export type ToServer =
  | {
      readonly kind: "unary";
      readonly path: string;
      readonly bytes: Buffer;
      /** As in the header `grpc-timeout`. */
      readonly timeoutMs: number;
    }
  | { readonly kind: "open"; readonly path: string }
  | { readonly kind: "message"; readonly bytes: Buffer }
  | { readonly kind: "end" }
  | { readonly kind: "cancel" };

/** What comes back. */
export type ToClient =
  | { readonly kind: "message"; readonly bytes: Buffer }
  | { readonly kind: "status"; readonly failure: GrpcFailure | undefined };

/** The failure of a call, as grpc-js has it. */
export interface GrpcFailure extends Error {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Makes a failure with a status. */
export function grpcFailure(
  code: number,
  details: string,
  metadata: Metadata = new Metadata(),
): GrpcFailure {
  return Object.assign(new Error(`${code}: ${details}`), { code, details, metadata });
}

/** The connection was there, and is gone: what was asked may have happened. */
export function connectionLost(): GrpcFailure {
  return grpcFailure(status.UNAVAILABLE, "Connection dropped");
}

/** There was none: nothing happened. */
export function neverConnected(address: string): GrpcFailure {
  return grpcFailure(
    status.UNAVAILABLE,
    `No connection established. Last error: nobody listens on ${address}`,
  );
}

/** The bytes of what a serializer made, which may be a message in pieces. */
export function bufferOf(serialized: unknown): Buffer {
  if (Buffer.isBuffer(serialized)) return Buffer.from(serialized);
  if (serialized instanceof Uint8Array) return Buffer.from(serialized);
  if (typeof serialized === "object" && serialized !== null && "toBuffer" in serialized) {
    const { toBuffer } = serialized;
    if (typeof toBuffer === "function") {
      const bytes: unknown = toBuffer.call(serialized);
      if (Buffer.isBuffer(bytes)) return bytes;
    }
  }
  throw new TypeError("a serializer made neither bytes nor a message in pieces");
}

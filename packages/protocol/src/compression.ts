import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";

import { compressFrameSync } from "lz4-napi";

import { decompressedTooLarge } from "./decompression-bound.ts";
import { decompressLz4Frame } from "./lz4-frame.ts";
import type { CompressionCodec } from "./record-batch-header.ts";
import { RopewalkError } from "./ropewalk-error.ts";
import { compressXerial, decompressSnappy } from "./snappy-xerial.ts";

/** How much a batch may decompress to where the caller does not say: a bound on decompression bombs. */
export const decompressedBytesMaxDefault: number = 64 * 1024 * 1024;

/** How much zlib produces at a time. */
const chunkBytes = 128 * 1024;

/**
 * The window that a zstd frame may ask memory for, before it has produced anything: 8 MiB, what the
 * highest ordinary compression level uses.
 */
const zstdWindowLogMax = 23;

/** Compresses the records of a batch, in the framing that Kafka's clients read. "none" copies nothing. */
export function compress(codec: CompressionCodec, bytes: Buffer): Uint8Array {
  switch (codec) {
    case "none":
      return bytes;
    case "gzip":
      return gzipSync(bytes);
    case "snappy":
      return compressXerial(bytes);
    case "lz4":
      return compressFrameSync(bytes);
    case "zstd":
      return zstdCompressSync(bytes);
  }
}

/**
 * Decompresses the records of a batch. "none" answers `bytes` itself. Damage is a `RopewalkError` with
 * the code `CORRUPT_MESSAGE`; more than `bytesMax` of output, which is not produced, one with
 * `MESSAGE_TOO_LARGE`.
 */
export function decompress(
  codec: CompressionCodec,
  bytes: Uint8Array,
  bytesMax: number,
): Uint8Array {
  try {
    return decompressUnchecked(codec, bytes, bytesMax);
  } catch (cause) {
    if (cause instanceof RopewalkError) throw cause;
    if (isOutputTooLarge(cause)) throw decompressedTooLarge(codec, bytesMax);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RopewalkError("CORRUPT_MESSAGE", `Cannot decompress ${codec}: ${reason}`, { cause });
  }
}

function decompressUnchecked(
  codec: CompressionCodec,
  bytes: Uint8Array,
  bytesMax: number,
): Uint8Array {
  switch (codec) {
    case "none":
      return bytes;
    case "gzip":
      return gunzipSync(bytes, { maxOutputLength: bytesMax, chunkSize: chunkBytes });
    case "snappy":
      return decompressSnappy(bytes, bytesMax);
    case "lz4":
      return decompressLz4Frame(bytes, bytesMax);
    case "zstd":
      return zstdDecompressSync(bytes, {
        maxOutputLength: bytesMax,
        chunkSize: chunkBytes,
        params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax },
      });
  }
}

function isOutputTooLarge(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
}

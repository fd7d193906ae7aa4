import { compressFrameSync } from "lz4-napi";
import { compressSync } from "snappy";
import { describe, expect, test } from "vitest";

import { compress, decompress } from "./compression.ts";
import { type CompressionCodec, compressionCodecs } from "./record-batch-header.ts";

const bytesMax = 10_000_000;

const inputs: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from("a"),
  Buffer.from("abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc"),
  Buffer.alloc(5_000_000, 7),
  Buffer.from(Array.from({ length: 300_000 }, (_, at) => ((at * at) >>> 7) & 0xff)),
  Buffer.from(
    Array.from({ length: 20_000 }, (_, at) => `{"id":${at},"name":"name ${at % 97}"}\n`).join(""),
  ),
];

describe.each(compressionCodecs)("%s", (codec) => {
  test("decompress() undoes compress()", () => {
    for (const input of inputs) {
      const output = decompress(codec, compress(codec, input), bytesMax);
      expect(Buffer.compare(Buffer.from(output), input)).toBe(0);
    }
  });
});

describe.each(["gzip", "snappy", "lz4", "zstd"] as const)("%s", (codec) => {
  test("decompress() produces up to the bound and not more", () => {
    const input = Buffer.alloc(100_000, 1);
    const compressed = compress(codec, input);
    expect(decompress(codec, compressed, input.length)).toHaveLength(input.length);
    expect(() => decompress(codec, compressed, input.length - 1)).toThrow(
      expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }),
    );
  });

  test("decompress() refuses bytes that are cut off, and other bytes", () => {
    const compressed = compress(codec, Buffer.from("some text, some text, some text"));
    expect(codeOf(codec, compressed.subarray(0, compressed.length - 9))).toBe("CORRUPT_MESSAGE");
    expect(codeOf(codec, Buffer.from("\xff\xff\xff\xff\xff\xff\xff\xff no such thing"))).toBe(
      "CORRUPT_MESSAGE",
    );
    expect(codeOf(codec, new Uint8Array(0))).toBe("CORRUPT_MESSAGE");
  });
});

function codeOf(codec: CompressionCodec, bytes: Uint8Array): unknown {
  try {
    return decompress(codec, bytes, bytesMax);
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

test("decompress() reads snappy as one raw block, which some clients write", () => {
  const input = Buffer.from("raw raw raw raw");
  expect(Buffer.from(decompress("snappy", compressSync(input), bytesMax))).toEqual(input);
});

test("compress() frames snappy as Java's clients do", () => {
  const framed = Buffer.from(compress("snappy", Buffer.from("x")));
  expect(framed.subarray(0, 16).toString("hex")).toBe("82534e41505059000000000100000001");
  expect(framed.readUInt32BE(16)).toBe(framed.length - 20);
});

test("decompress() reads lz4 frames with checksums", () => {
  const input = Buffer.from("checked ".repeat(50_000));
  for (const contentChecksum of [false, true]) {
    for (const blockChecksums of [false, true]) {
      const frame = compressFrameSync(input, { contentChecksum, blockChecksums });
      expect(Buffer.compare(Buffer.from(decompress("lz4", frame, bytesMax)), input)).toBe(0);
    }
  }
});

test("decompress() reads lz4 blocks that are stored, and blocks that refer to earlier ones", () => {
  const frame = Buffer.from(
    [
      "04224d18 40 40 00", // version 1, linked blocks, 64 KiB; the header's checksum is not looked at
      "03000080 616263", // stored: abc
      "04000000 04 0300 00", // 8 bytes from 3 back, then nothing
      "00000000",
    ]
      .join("")
      .replaceAll(" ", ""),
    "hex",
  );
  expect(Buffer.from(decompress("lz4", frame, bytesMax)).toString()).toBe("abcabcabcab");
});

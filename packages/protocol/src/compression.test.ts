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

test.each([
  ["a frame of another version (128)", "04224d18 8040 00 00000000"],
  ["the frame needs a dictionary", "04224d18 4140 01000000 00 00000000"],
  ["the frame has no block size", "04224d18 4010 00 00000000"],
  ["no frame begins here", "05224d18 4040 00 00000000"],
  ["the frame breaks off at 7", "04224d18 4040 00"],
  ["the block at 7 ends beyond 12", "04224d18 4040 00 05000080 00"],
  ["the block at 7 ends beyond 12", "04224d18 4040 00 05000000 00"],
  ["2 literals at 12 pass the end at 13", "04224d18 4040 00 02000000 2061 62626262"],
  ["no offset at 13", "04224d18 4040 00 03000000 106101 00000000"],
  ["a match 0 bytes back, after 1 bytes", "04224d18 4040 00 04000000 10610000 00000000"],
  ["a match 2 bytes back, after 1 bytes", "04224d18 4040 00 04000000 10610200 00000000"],
])("decompress() refuses lz4: %s", (reason, hex) => {
  const frame = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const message = expect.stringContaining(reason) as string;
  expect(() => decompress("lz4", frame, bytesMax)).toThrow(
    expect.objectContaining({ code: "CORRUPT_MESSAGE", message }),
  );
});

test("decompress() refuses an lz4 block that is larger than its frame allows", () => {
  // A literal and a match of 4 + 15 + 255 * 300 bytes, in blocks of up to 64 KiB.
  const block = Buffer.concat([Buffer.of(0x1f, 0x61, 1, 0), Buffer.alloc(300, 255), Buffer.of(0)]);
  const head = Buffer.from("04224d1840400000000000", "hex");
  head.writeUInt32LE(block.length, 7);
  expect(codeOf("lz4", Buffer.concat([head, block, Buffer.alloc(4)]))).toBe("CORRUPT_MESSAGE");
});

test("decompress() refuses a zstd frame that asks for too large a window", () => {
  // A frame header with a window of 32 MiB, then an empty last block.
  expect(codeOf("zstd", Buffer.from("28b52ffd0078010000", "hex"))).toBe("CORRUPT_MESSAGE");
});

test("decompress() refuses xerial blocks that are empty or end beyond the framing", () => {
  const header = "82534e41505059000000000100000001";
  for (const blocks of ["00000000", "000000ff00", "0000", "00000001ff"]) {
    expect(codeOf("snappy", Buffer.from(header + blocks, "hex"))).toBe("CORRUPT_MESSAGE");
  }
});

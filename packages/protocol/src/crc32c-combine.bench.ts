import { test } from "vitest";
import { crc32c } from "./crc32c.ts";
import { crc32cCombine } from "./crc32c-combine.ts";

// From which length on the log derives the checksum of a batch instead of reading the batch once more.
test.for([1024, 2048, 4096, 65_536])(
  "a checksum of %i bytes and 21 before them",
  async (length, { bench }) => {
    const bytes = Buffer.alloc(21 + length, 1);
    const second = crc32c(bytes, 21, bytes.length);
    await bench.compare(
      bench("crc32c() of all", () => {
        crc32c(bytes);
      }),
      bench("crc32cCombine()", () => {
        crc32cCombine(crc32c(bytes, 0, 21), second, length);
      }),
    );
  },
);

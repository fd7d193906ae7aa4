import { crc32c as nativeCrc32c } from "@node-rs/crc32";
import { test } from "vitest";

import { crc32c, crc32cInJavaScript } from "./crc32c.ts";

// Where the native function overtakes the JavaScript one is where `crc32c` changes over.
test.for([64, 200, 1024, 262_144])("crc32c() of %i bytes", async (length, { bench }) => {
  const bytes = Buffer.alloc(length, 1);
  await bench.compare(
    bench("native", () => {
      nativeCrc32c(bytes);
    }),
    bench("JavaScript, slicing by 8", () => {
      crc32cInJavaScript(bytes, 0, length, 0);
    }),
    bench("crc32c()", () => {
      crc32c(bytes);
    }),
  );
});

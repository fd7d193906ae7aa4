import { expect, test } from "vitest";

import { formatBytes, formatThroughput } from "./throughput.ts";

test("formatThroughput() says records, bytes, seconds and rates", () => {
  expect(formatThroughput({ recordCount: 1, bytes: 15, durationMs: 0 })).toBe(
    "1 record, 15 B in 0.001 s (1000 records/s, 15.0 kB/s)",
  );
  expect(formatThroughput({ recordCount: 3_000_000, bytes: 3e8, durationMs: 15_000 })).toBe(
    "3000000 records, 300.0 MB in 15.0 s (200000 records/s, 20.0 MB/s)",
  );
  expect(formatBytes(1e18)).toBe("1000000.0 TB");
});

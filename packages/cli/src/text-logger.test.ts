import { expect, test } from "vitest";

import { TextLogger } from "./text-logger.ts";

test("TextLogger writes its level and above, with the fields behind the sentence", () => {
  const lines: string[] = [];
  const logger = new TextLogger("warn", (line) => lines.push(line)).child({ brokerId: 2 });
  logger.info("Not of interest.");
  logger.warn("A peer is silent.", { address: "a:1", error: new Error("no way"), silentMs: 30 });
  logger.error("Stopping.");
  expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, ""))).toEqual([
    'warn  A peer is silent. brokerId=2 address=a:1 error="no way" silentMs=30',
    "error Stopping. brokerId=2",
  ]);
});

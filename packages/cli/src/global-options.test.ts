import { expect, test } from "vitest";

import { parseBootstrapServers } from "./global-options.ts";

test("parseBootstrapServers() fills in the port, and refuses what names no server", () => {
  expect(parseBootstrapServers("a, b:1,[::1]")).toEqual({ value: ["a:7700", "b:1", "[::1]:7700"] });
  expect(parseBootstrapServers("a,,b").fault).toBe('"" is not host:port');
});

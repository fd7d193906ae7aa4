import type { ConfigDescription } from "@ropewalk/protocol";
import { expect, test } from "vitest";

import { formatConfigs } from "./config-table.ts";

const retention: ConfigDescription = {
  name: "retention.ms",
  value: "1000",
  source: "TOPIC",
  readOnly: false,
  defaultValue: "604800000",
  type: "LONG",
  documentation: "how old",
  support: "SUPPORTED",
  validValues: "an integer from -1",
  sensitive: false,
};

test("formatConfigs() shows value, source and default, and what is not there as such", () => {
  const configs: ConfigDescription[] = [
    { ...retention, name: "broker.rack", value: "", source: "STATIC_BROKER", readOnly: true },
    retention,
    { ...retention, name: "x", value: undefined, defaultValue: undefined, support: "UNSUPPORTED" },
  ];
  expect(formatConfigs(configs)).toBe(`\
CONFIG        VALUE  SOURCE                   DEFAULT
broker.rack   ""     static-broker,read-only  604800000
retention.ms  1000   topic                    604800000
x             -      unsupported              -
`);
});

test("formatConfigs() says with docs what a config does, and what it always does", () => {
  const table = formatConfigs([retention, { ...retention, support: "MAPPED", validValues: "" }], {
    docs: true,
  });
  expect(table.split("\n").map((line) => line.split(/ {2,}/).at(-1))).toEqual([
    "DOCUMENTATION",
    "how old (an integer from -1)",
    "always so: how old",
    "",
  ]);
});

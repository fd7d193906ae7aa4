import { expect, test } from "vitest";
import type { NameValue } from "./flag-value.ts";
import { parseProducerProperties } from "./producer-properties.ts";

function pairs(...texts: readonly string[]): NameValue[] {
  return texts.map((text) => {
    const [name = "", value = ""] = text.split("=");
    return { name, value };
  });
}

test("parseProducerProperties() takes Kafka's names for what the producer knows", () => {
  const properties = pairs(
    "bootstrap.servers=a:1,b:2",
    "acks=-1",
    "batch.size=65536",
    "linger.ms=0",
    "compression.type=zstd",
    "enable.idempotence=false",
  );
  expect(parseProducerProperties(properties)).toEqual({
    value: {
      bootstrapServers: ["a:1", "b:2"],
      options: {
        acks: "all",
        batchBytesMax: 65_536,
        lingerMs: 0,
        compression: "zstd",
        idempotent: false,
      },
    },
  });
});

test.for([
  ["acks=0", 'acks is "0"; it must be all, -1 or 1'],
  ["linger.ms=-1", 'linger.ms is "-1"; it must be a whole number'],
  ["compression.type=lzo", 'compression.type is "lzo"; it must be none, gzip'],
  ["retries=3", "the property retries has no counterpart; there are acks, bootstrap.servers"],
] as const)("parseProducerProperties() refuses %s and says why", ([text, fault]) => {
  expect(parseProducerProperties(pairs(text)).fault).toContain(fault);
});

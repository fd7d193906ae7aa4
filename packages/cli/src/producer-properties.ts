import type { ProducerOptions } from "@ropewalk/client";

import type { NameValue } from "./flag-value.ts";
import { parseBootstrapServers } from "./global-options.ts";
import type { Parsed } from "./parsed.ts";

/** What Kafka's producer properties say, as far as there is a counterpart. */
export interface ProducerProperties {
  /** `bootstrap.servers`; undefined: not said. */
  readonly bootstrapServers: readonly string[] | undefined;
  readonly options: ProducerOptions;
}

/** Kafka's names for numbers that the producer takes as they are. */
const numberNames = {
  "batch.size": "batchBytesMax",
  "linger.ms": "lingerMs",
  "buffer.memory": "bufferBytesMax",
  "delivery.timeout.ms": "deliveryTimeoutMs",
  "request.timeout.ms": "requestTimeoutMs",
  "metadata.max.age.ms": "metadataMaxAgeMs",
} as const;

const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

const known = [
  "acks",
  "bootstrap.servers",
  "compression.type",
  "enable.idempotence",
  ...Object.keys(numberNames),
];

/**
 * Reads `NAME=VALUE` pairs with the names of Kafka's producer configs. A fault names a property that has no counterpart, or a
 * value that is not one of its own. `acks=0` has none: a record is always answered.
 */
export function parseProducerProperties(pairs: readonly NameValue[]): Parsed<ProducerProperties> {
  let bootstrapServers: readonly string[] | undefined;
  let options: ProducerOptions = {};
  for (const { name, value } of pairs) {
    if (name === "bootstrap.servers") {
      const servers = parseBootstrapServers(value);
      if (servers.fault !== undefined) return servers;
      bootstrapServers = servers.value;
      continue;
    }
    const option = optionOf(name, value);
    if (option.fault !== undefined) return option;
    options = { ...options, ...option.value };
  }
  return { value: { bootstrapServers, options } };
}

function optionOf(name: string, value: string): Parsed<ProducerOptions> {
  if (name === "acks") {
    if (value === "all" || value === "-1") return { value: { acks: "all" } };
    return value === "1" ? { value: { acks: 1 } } : wrong(name, value, "all, -1 or 1");
  }
  if (name === "compression.type") {
    const compression = codecs.find((codec) => codec === value);
    return compression === undefined
      ? wrong(name, value, codecs.join(", "))
      : { value: { compression } };
  }
  if (name === "enable.idempotence") {
    if (value !== "true" && value !== "false") return wrong(name, value, "true or false");
    return { value: { idempotent: value === "true" } };
  }
  if (!isNumberName(name))
    return { fault: `the property ${name} has no counterpart; there are ${known.join(", ")}` };
  if (!/^\d{1,12}$/.test(value)) return wrong(name, value, "a whole number");
  return { value: { [numberNames[name]]: Number(value) } };
}

function isNumberName(name: string): name is keyof typeof numberNames {
  return name in numberNames;
}

function wrong(name: string, value: string, right: string): { readonly fault: string } {
  return { fault: `${name} is ${JSON.stringify(value)}; it must be ${right}` };
}

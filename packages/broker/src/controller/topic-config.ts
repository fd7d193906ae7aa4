import { RopewalkError } from "@ropewalk/protocol";

/** The configs of a topic that the broker acts on. */
export interface TopicConfig {
  /** `max.message.bytes`: the largest record batch. */
  readonly batchBytesMax: number;
}

interface ConfigRule {
  readonly check: (value: string) => string | undefined;
}

const integer = (min: number, max: number): ConfigRule => ({
  check: (value) =>
    /^-?\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `must be an integer from ${min} to ${max}`,
});

const oneOf = (...values: readonly string[]): ConfigRule => ({
  check: (value) => (values.includes(value) ? undefined : `must be ${values.join(" or ")}`),
});

/** Every config a topic may have now, by Kafka's name. What is not acted on yet is not accepted either. */
const rules = new Map<string, ConfigRule>([
  ["max.message.bytes", integer(1024, 8 * 1024 * 1024)],
  ["cleanup.policy", oneOf("delete")],
  ["retention.ms", oneOf("-1")],
  ["retention.bytes", oneOf("-1")],
  ["compression.type", oneOf("producer")],
  ["message.timestamp.type", oneOf("CreateTime")],
]);

/** Throws INVALID_CONFIG naming the first config that is unknown or has a value it cannot have. */
export function checkTopicConfigs(topic: string, configs: ReadonlyMap<string, string>): void {
  for (const [name, value] of configs) {
    const rule = rules.get(name);
    const fault =
      rule === undefined
        ? `is not supported (${[...rules.keys()].join(", ")} are)`
        : rule.check(value);
    if (fault !== undefined) {
      throw new RopewalkError(
        "INVALID_CONFIG",
        `Cannot create topic ${topic} with ${name}=${value}: ${name} ${fault}`,
      );
    }
  }
}

/** What checked configs mean. */
export function topicConfig(
  configs: ReadonlyMap<string, string>,
  batchBytesMaxDefault: number,
): TopicConfig {
  const batchBytesMax = configs.get("max.message.bytes");
  return {
    batchBytesMax: batchBytesMax === undefined ? batchBytesMaxDefault : Number(batchBytesMax),
  };
}

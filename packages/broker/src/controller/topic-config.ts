import { RopewalkError } from "@ropewalk/protocol";

/** The configs of a topic that the broker acts on. What may be without end is `undefined` where it is. */
export interface TopicConfig {
  /** `max.message.bytes`: the largest record batch. */
  readonly batchBytesMax: number;
  /** `cleanup.policy`: whether old segments go, and whether older records of a key do. Neither: all is kept. */
  readonly cleanup: { readonly delete: boolean; readonly compact: boolean };
  /** `retention.ms`: how old a segment's newest record may get. */
  readonly retentionMs: number | undefined;
  /** `retention.bytes`: how much of a partition is kept at least; what is older goes. */
  readonly retentionBytes: number | undefined;
  /** `segment.bytes`: a segment that is so large is closed. */
  readonly segmentBytesMax: number;
  /** `segment.ms`: a segment that is so old is closed. */
  readonly segmentMs: number;
  /** `delete.retention.ms`: how long compaction keeps the marker of a deleted key. */
  readonly deleteRetentionMs: number;
  /** `min.compaction.lag.ms`: records that are younger are not compacted. */
  readonly compactionLagMsMin: number;
  /** `max.compaction.lag.ms`: records that are older are compacted, however few they are. */
  readonly compactionLagMsMax: number | undefined;
  /** `min.cleanable.dirty.ratio`: the part of a log that compaction must not have seen yet to be worth it. */
  readonly dirtyRatioMin: number;
}

/** A topic, as far as its configs go. */
export interface ConfiguredTopic {
  readonly internal: boolean;
  readonly configs: ReadonlyMap<string, string>;
}

interface ConfigRule {
  readonly check: (value: string) => string | undefined;
}

const mebibyte = 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;
/** What fits into 15 digits: some 31,000 years, or 888 TiB. */
const integerMax = 999_999_999_999_999;

const integer = (min: number, max: number): ConfigRule => ({
  check: (value) =>
    /^-?\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `must be an integer from ${min} to ${max}`,
});

const ratio: ConfigRule = {
  check: (value) =>
    /^\d(\.\d{1,15})?$/.test(value) && Number(value) <= 1
      ? undefined
      : "must be a number from 0 to 1",
};

const oneOf = (...values: readonly string[]): ConfigRule => ({
  check: (value) => (values.includes(value) ? undefined : `must be ${values.join(" or ")}`),
});

/** Every config a topic may have now, by Kafka's name. What is not acted on yet is not accepted either. */
const rules = new Map<string, ConfigRule>([
  ["max.message.bytes", integer(1024, 8 * mebibyte)],
  ["cleanup.policy", oneOf("delete", "compact", "compact,delete", "delete,compact")],
  ["retention.ms", integer(-1, integerMax)],
  ["retention.bytes", integer(-1, integerMax)],
  ["segment.bytes", integer(mebibyte, 2 ** 31 - 1)],
  ["segment.ms", integer(1, integerMax)],
  ["delete.retention.ms", integer(0, integerMax)],
  ["min.compaction.lag.ms", integer(0, integerMax)],
  ["max.compaction.lag.ms", integer(1, integerMax)],
  ["min.cleanable.dirty.ratio", ratio],
  ["compression.type", oneOf("producer")],
  ["message.timestamp.type", oneOf("CreateTime")],
]);

/** Kafka's configs that people bring along and that mean nothing here, and why. */
const meaningless = new Map<string, string>([
  ["file.delete.delay.ms", "a file goes as soon as nobody reads it"],
  ["flush.messages", "every record is flushed before it is acknowledged"],
  ["flush.ms", "every record is flushed before it is acknowledged"],
  ["min.insync.replicas", "acks=all always means a majority of the replicas"],
  ["unclean.leader.election.enable", "a replica that lacks acknowledged records never leads"],
]);

/** Throws INVALID_CONFIG naming the first config that is unknown or has a value it cannot have. */
export function checkTopicConfigs(topic: string, configs: ReadonlyMap<string, string>): void {
  for (const [name, value] of configs) {
    const fault = configFault(name, value);
    if (fault !== undefined) throw invalidConfig(topic, name, value, fault);
  }
  const { compactionLagMsMax, compactionLagMsMin } = topicConfig({ internal: false, configs }, 0);
  if (compactionLagMsMax === undefined || compactionLagMsMin <= compactionLagMsMax) return;
  const fault = `must not be above max.compaction.lag.ms=${compactionLagMsMax}`;
  throw invalidConfig(topic, "min.compaction.lag.ms", String(compactionLagMsMin), fault);
}

/** What checked configs mean. Internal topics keep everything. */
export function topicConfig(
  { configs, internal }: ConfiguredTopic,
  batchBytesMaxDefault: number,
): TopicConfig {
  const number = (name: string, fallback: number): number => Number(configs.get(name) ?? fallback);
  const endless = (name: string, fallback: number): number | undefined => {
    const value = number(name, fallback);
    return value === -1 ? undefined : value;
  };
  const policy = internal ? [] : (configs.get("cleanup.policy") ?? "delete").split(",");
  return {
    batchBytesMax: number("max.message.bytes", batchBytesMaxDefault),
    cleanup: { delete: policy.includes("delete"), compact: policy.includes("compact") },
    retentionMs: endless("retention.ms", 7 * dayMs),
    retentionBytes: endless("retention.bytes", -1),
    segmentBytesMax: number("segment.bytes", 256 * mebibyte),
    segmentMs: number("segment.ms", 7 * dayMs),
    deleteRetentionMs: number("delete.retention.ms", dayMs),
    compactionLagMsMin: number("min.compaction.lag.ms", 0),
    compactionLagMsMax: endless("max.compaction.lag.ms", -1),
    dirtyRatioMin: number("min.cleanable.dirty.ratio", 0.5),
  };
}

function configFault(name: string, value: string): string | undefined {
  const rule = rules.get(name);
  if (rule !== undefined) return rule.check(value);
  const reason = meaningless.get(name);
  if (reason !== undefined) return `is not supported: ${reason}`;
  return `is not supported (${[...rules.keys()].join(", ")} are)`;
}

function invalidConfig(topic: string, name: string, value: string, fault: string): RopewalkError {
  return new RopewalkError(
    "INVALID_CONFIG",
    `Cannot create topic ${topic} with ${name}=${value}: ${name} ${fault}`,
  );
}

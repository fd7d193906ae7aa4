import type { TimestampBounds } from "../partition/timestamp-bounds.ts";
import { checkValue, invalidConfig } from "../configs/config-schema.ts";
import { integerMax } from "../configs/config-rule.ts";
import {
  clusterNames,
  type TopicTraits,
  topicConfigSchema,
} from "../configs/topic-config-schema.ts";

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
  /** `message.timestamp.type`: records have the time at which the leader appends them. */
  readonly isAppendTime: boolean;
  /** `message.timestamp.before.max.ms` and `after`; `undefined`: none, or records do not keep their own time. */
  readonly timestampBounds: TimestampBounds | undefined;
}

/** A topic, as far as its configs go. */
export interface ConfiguredTopic {
  readonly internal: boolean;
  readonly configs: ReadonlyMap<string, string>;
}

const mebibyte = 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;
const none: ReadonlyMap<string, string> = new Map();

/**
 * Throws INVALID_CONFIG naming the first config that is unknown or has a value it cannot have, alone or beside
 * the others. `action` begins the message: "create topic orders".
 */
export function checkTopicConfigs(
  action: string,
  configs: ReadonlyMap<string, string>,
  traits: TopicTraits,
  cluster: ReadonlyMap<string, string> = none,
): void {
  const schema = topicConfigSchema(traits);
  for (const [name, value] of configs) checkValue(schema, action, name, value);
  checkLags(action, configs, cluster);
}

/** Throws INVALID_CONFIG where the compaction lags of a topic contradict each other. */
export function checkLags(
  action: string,
  configs: ReadonlyMap<string, string>,
  cluster: ReadonlyMap<string, string>,
): void {
  const topic = { internal: false, configs };
  const { compactionLagMsMax, compactionLagMsMin } = topicConfig(topic, 0, cluster);
  if (compactionLagMsMax === undefined || compactionLagMsMin <= compactionLagMsMax) return;
  const name = "min.compaction.lag.ms";
  const value = String(compactionLagMsMin);
  const validValues = `an integer from 0 to ${compactionLagMsMax}`;
  const fault = `must not be above max.compaction.lag.ms=${compactionLagMsMax}`;
  throw invalidConfig(action, { name, value, validValues }, fault);
}

/**
 * What checked configs mean: the topic's own, then the cluster's (under their broker names), then what is
 * built in. Internal topics keep everything.
 */
export function topicConfig(
  { configs, internal }: ConfiguredTopic,
  batchBytesMaxDefault: number,
  cluster: ReadonlyMap<string, string> = none,
): TopicConfig {
  const text = (name: string): string | undefined =>
    configs.get(name) ?? cluster.get(clusterNames.get(name) ?? "");
  const number = (name: string, fallback: number): number => Number(text(name) ?? fallback);
  const bounded = (name: string, endless: number, fallback: number): number | undefined => {
    const value = number(name, fallback);
    return value === endless ? undefined : value;
  };
  const isAppendTime = !internal && text("message.timestamp.type") === "LogAppendTime";
  const policy = internal ? [] : (text("cleanup.policy") ?? "delete").split(",");
  return {
    batchBytesMax: number("max.message.bytes", batchBytesMaxDefault),
    cleanup: { delete: policy.includes("delete"), compact: policy.includes("compact") },
    retentionMs: bounded("retention.ms", -1, 7 * dayMs),
    retentionBytes: bounded("retention.bytes", -1, -1),
    segmentBytesMax: number("segment.bytes", 256 * mebibyte),
    segmentMs: number("segment.ms", 7 * dayMs),
    deleteRetentionMs: number("delete.retention.ms", dayMs),
    compactionLagMsMin: number("min.compaction.lag.ms", 0),
    compactionLagMsMax: bounded("max.compaction.lag.ms", integerMax, integerMax),
    dirtyRatioMin: number("min.cleanable.dirty.ratio", 0.5),
    isAppendTime,
    timestampBounds:
      internal || isAppendTime
        ? undefined
        : timestampBounds(
            bounded("message.timestamp.before.max.ms", integerMax, integerMax),
            bounded("message.timestamp.after.max.ms", integerMax, integerMax),
          ),
  };
}

function timestampBounds(
  beforeMsMax: number | undefined,
  afterMsMax: number | undefined,
): TimestampBounds | undefined {
  const isFree = beforeMsMax === undefined && afterMsMax === undefined;
  return isFree ? undefined : { beforeMsMax, afterMsMax };
}

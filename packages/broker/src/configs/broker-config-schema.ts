import { type ConfigRule, integer } from "./config-rule.ts";
import { type ConfigDefinition, type ConfigSchema, configSchema } from "./config-schema.ts";
import { featureConfigs } from "./feature-configs.ts";
import { joinBalancingConfigs, type JoinBalancingDefaults } from "./join-balancing-configs.ts";
import { lossRepairConfig, type LossRepairDefaults } from "./loss-repair-config.ts";
import { mappedBrokerConfigs, unsupportedBrokerConfigs } from "./kafka-broker-configs.ts";
import { topicConfigSchema } from "./topic-config-schema.ts";

/** What brokers do unless they are told otherwise, as far as it can be told while they run. */
export interface BuiltInDefaults extends JoinBalancingDefaults, LossRepairDefaults {
  readonly batchBytesMax: number;
  readonly defaultPartitionCount: number;
  readonly defaultReplicationFactor: number;
  readonly partitionsPerTopicMax: number;
  readonly retentionCheckMs: number;
  readonly compactionCheckMs: number;
}

/** Kafka's name of how often leaders look for what retention lets go. */
export const retentionCheckName = "log.retention.check.interval.ms";
/** Kafka's name of how often replicas look whether a log is to be compacted. */
export const compactionCheckName = "log.cleaner.backoff.ms";
/** Kafka's name of how many partitions a topic gets where nobody says. */
export const partitionCountName = "num.partitions";
/** Kafka's name of how many replicas a topic's partitions get where nobody says. */
export const replicationFactorName = "default.replication.factor";

const sameEverywhere = "it is the same on all brokers: set the cluster's";

/** Timers take no more. */
const timerMsMax = 2 ** 31 - 1;
const replicationFactorMax = 1000;

/** What can be told to one broker alone. */
export function brokerConfigSchema(defaults: BuiltInDefaults): ConfigSchema {
  const { definitions } = clusterConfigSchema(defaults);
  const own = ownConfigs(defaults);
  const names = new Set(own.map(({ name }) => name));
  const others = [...definitions.keys()].filter((name) => !names.has(name));
  const ofAll = others.map((name) => [name, sameEverywhere] as const);
  return configSchema(own, new Map([...unsupportedBrokerConfigs, ...ofAll]));
}

/** What can be told to the cluster: the defaults of its brokers, and of its topics under their broker names. */
export function clusterConfigSchema(defaults: BuiltInDefaults): ConfigSchema {
  const { batchBytesMax, partitionsPerTopicMax } = defaults;
  const topics = topicConfigSchema({ replicationFactor: 1, batchBytesMax });
  const ofTopics = [...topics.definitions.values()].flatMap((definition) =>
    definition.clusterName === undefined ? [] : { ...definition, name: definition.clusterName },
  );
  const counts = [
    define(
      partitionCountName,
      integer(1, partitionsPerTopicMax),
      defaults.defaultPartitionCount,
      "how many partitions a new topic gets where nobody says",
    ),
    define(
      replicationFactorName,
      integer(1, replicationFactorMax),
      defaults.defaultReplicationFactor,
      "how many replicas the partitions of a new topic get where nobody says",
    ),
  ];
  const own = ownConfigs(defaults);
  return configSchema(
    [
      ...ofTopics,
      ...counts,
      ...joinBalancingConfigs(defaults),
      lossRepairConfig(defaults),
      ...featureConfigs,
      ...own,
      ...mappedBrokerConfigs,
    ],
    unsupportedBrokerConfigs,
  );
}

function ownConfigs(defaults: BuiltInDefaults): readonly ConfigDefinition[] {
  return [
    define(
      retentionCheckName,
      integer(1, timerMsMax),
      defaults.retentionCheckMs,
      "how often leaders look for what retention lets go",
    ),
    define(
      compactionCheckName,
      integer(1, timerMsMax),
      defaults.compactionCheckMs,
      "how often replicas look whether a log is to be compacted",
    ),
  ];
}

function define(
  name: string,
  rule: ConfigRule,
  defaultValue: number,
  documentation: string,
): ConfigDefinition {
  return {
    name,
    support: "SUPPORTED",
    rule,
    defaultValue: String(defaultValue),
    documentation,
    clusterName: name,
  };
}

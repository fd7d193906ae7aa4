import { integer, integerMax, listOf, oneOf, ratio } from "./config-rule.ts";
import { type ConfigDefinition, type ConfigSchema, configSchema } from "./config-schema.ts";

/** What the definitions depend on. */
export interface TopicTraits {
  readonly replicationFactor: number;
  /** The largest record batch, where neither topic nor cluster say otherwise. */
  readonly batchBytesMax: number;
}

const mebibyte = 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;

/** Every config that a topic can have, and each of Kafka's (4.x) that it cannot. */
export function topicConfigSchema(traits: TopicTraits): ConfigSchema {
  return configSchema(
    [...supported, maxMessageBytes(traits), ...mapped, minInsyncReplicas(traits)],
    unsupported,
  );
}

function define(
  name: string,
  clusterName: string,
  rule: ConfigDefinition["rule"],
  defaultValue: string,
  documentation: string,
): ConfigDefinition {
  return { name, support: "SUPPORTED", rule, defaultValue, documentation, clusterName };
}

function map(
  name: string,
  rule: ConfigDefinition["rule"],
  defaultValue: string,
  documentation: string,
): ConfigDefinition {
  const support = "MAPPED";
  return { name, support, rule, defaultValue, documentation, clusterName: undefined };
}

const supported: readonly ConfigDefinition[] = [
  define(
    "cleanup.policy",
    "log.cleanup.policy",
    listOf("delete", "compact"),
    "delete",
    "what becomes of old records: delete lets old segments go, compact all but the last record of a key",
  ),
  define(
    "retention.ms",
    "log.retention.ms",
    integer(-1),
    String(7 * dayMs),
    "how old the newest record of a segment may get before the segment goes; -1: without end",
  ),
  define(
    "retention.bytes",
    "log.retention.bytes",
    integer(-1),
    "-1",
    "how much of a partition is kept at least; what is older goes; -1: all",
  ),
  define(
    "segment.bytes",
    "log.segment.bytes",
    integer(mebibyte, 2 ** 31 - 1),
    String(256 * mebibyte),
    "a segment that is so large is closed",
  ),
  define(
    "segment.ms",
    "log.roll.ms",
    integer(1),
    String(7 * dayMs),
    "a segment that is so old is closed when something is added",
  ),
  define(
    "delete.retention.ms",
    "log.cleaner.delete.retention.ms",
    integer(0),
    String(dayMs),
    "how long compaction keeps the marker of a deleted key",
  ),
  define(
    "min.compaction.lag.ms",
    "log.cleaner.min.compaction.lag.ms",
    integer(0),
    "0",
    "records that are younger are not compacted",
  ),
  define(
    "max.compaction.lag.ms",
    "log.cleaner.max.compaction.lag.ms",
    integer(1),
    String(integerMax),
    "records that are older are compacted, however few they are",
  ),
  define(
    "min.cleanable.dirty.ratio",
    "log.cleaner.min.cleanable.ratio",
    ratio,
    "0.5",
    "the part of a log that compaction must not have seen yet to be worth it",
  ),
  define(
    "message.timestamp.type",
    "log.message.timestamp.type",
    oneOf("CreateTime", "LogAppendTime"),
    "CreateTime",
    "whose time records have: their producer's, or the leader's when it appends them",
  ),
  define(
    "message.timestamp.before.max.ms",
    "log.message.timestamp.before.max.ms",
    integer(0),
    String(integerMax),
    "how far a record's own time may lie before that of its append",
  ),
  define(
    "message.timestamp.after.max.ms",
    "log.message.timestamp.after.max.ms",
    integer(0),
    String(integerMax),
    "how far a record's own time may lie after that of its append (Kafka 4: an hour)",
  ),
];

/** What the cluster's defaults are called, by the topic configs that they are of. */
export const clusterNames: ReadonlyMap<string, string> = new Map(
  [...supported, maxMessageBytes({ replicationFactor: 1, batchBytesMax: 0 })].flatMap(
    ({ clusterName, name }) => (clusterName === undefined ? [] : [[name, clusterName] as const]),
  ),
);

function maxMessageBytes({ batchBytesMax }: TopicTraits): ConfigDefinition {
  return define(
    "max.message.bytes",
    "message.max.bytes",
    integer(1024, 8 * mebibyte),
    String(batchBytesMax),
    "the largest record batch, as it is stored",
  );
}

const mapped: readonly ConfigDefinition[] = [
  map(
    "compression.type",
    oneOf("producer"),
    "producer",
    "batches are stored as their producer compressed them; brokers never compress anew",
  ),
  map("flush.messages", oneOf("1"), "1", "every record is flushed before it is acknowledged"),
  map("flush.ms", oneOf("0"), "0", "every record is flushed before it is acknowledged"),
  map(
    "preallocate",
    oneOf("false"),
    "false",
    "segments grow as they are written; the journal before them is always written ahead",
  ),
  map("remote.storage.enable", oneOf("false"), "false", "there is no tiered storage"),
  map(
    "unclean.leader.election.enable",
    oneOf("false"),
    "false",
    "a replica that lacks acknowledged records never leads",
  ),
];

/** What a majority promises anyway may be asked for; more would be a promise that is not kept. */
function minInsyncReplicas({ replicationFactor }: TopicTraits): ConfigDefinition {
  const majority = Math.floor(replicationFactor / 2) + 1;
  return map(
    "min.insync.replicas",
    integer(1, majority),
    String(majority),
    `acks=all always means a majority of the replicas (${majority} of ${replicationFactor}), however few are asked for`,
  );
}

const noTiers = "there is no tiered storage";
const recompressed = "brokers never compress; the producer chooses codec and level";
const removed = "Kafka 4 has removed it";
const throttled = "movements of replicas are throttled as a whole, not by topic";
const indexed = "indexes are laid out by the store";

const unsupported: ReadonlyMap<string, string> = new Map([
  ["compression.gzip.level", recompressed],
  ["compression.lz4.level", recompressed],
  ["compression.zstd.level", recompressed],
  ["file.delete.delay.ms", "a file goes as soon as nobody reads it"],
  ["follower.replication.throttled.replicas", throttled],
  ["index.interval.bytes", indexed],
  ["leader.replication.throttled.replicas", throttled],
  ["local.retention.bytes", noTiers],
  ["local.retention.ms", noTiers],
  ["message.downconversion.enable", removed],
  ["message.format.version", removed],
  ["message.timestamp.difference.max.ms", removed],
  ["remote.log.copy.disable", noTiers],
  ["remote.log.delete.on.disable", noTiers],
  ["segment.index.bytes", indexed],
  [
    "segment.jitter.ms",
    "segments are closed when something is added, so they do not all close at once",
  ],
]);

import { oneOf } from "./config-rule.ts";
import type { ConfigDefinition } from "./config-schema.ts";

/** Kafka's configs of brokers (4.x) that say what is always done here: one value is taken, others are refused. */
export const mappedBrokerConfigs: readonly ConfigDefinition[] = [
  always("auto.create.topics.enable", "false", "topics are made when somebody asks for them only"),
  always("compression.type", "producer", "batches are stored as their producer compressed them"),
  always("controlled.shutdown.enable", "true", "a broker that stops hands its leadership over"),
  always("delete.topic.enable", "true", "topics can be deleted"),
  always("log.cleaner.enable", "true", "compacted topics are compacted"),
  always("log.flush.interval.messages", "1", "every record is flushed before it is acknowledged"),
  always("log.flush.interval.ms", "0", "every record is flushed before it is acknowledged"),
  always("log.preallocate", "false", "segments grow as they are written"),
  always(
    "unclean.leader.election.enable",
    "false",
    "a replica that lacks acknowledged records never leads",
  ),
];

const unitOf = (name: string): string => `use ${name}`;
const threads = "a broker runs on one event loop; threads of the system write and compact";
const atStart = "it is given to the broker when it is started: ropewalk broker --help";
const noIsr = "there is no ISR: a majority of the replicas has what is acknowledged";
const noTransactions = "there are no transactions";
const noSecurity = "connections are neither authenticated nor encrypted so far";
const internal = "the cluster lays out its own topics";
const indexed = "indexes are laid out by the store";
const recompressed = "brokers never compress; the producer chooses codec and level";
const noTiers = "there is no tiered storage";

/** Kafka's configs of brokers (4.x) that somebody may look for, and why they are not there. */
export const unsupportedBrokerConfigs: ReadonlyMap<string, string> = new Map([
  ["advertised.listeners", atStart],
  ["authorizer.class.name", noSecurity],
  ["background.threads", threads],
  ["broker.id", atStart],
  ["broker.rack", atStart],
  ["compression.gzip.level", recompressed],
  ["compression.lz4.level", recompressed],
  ["compression.zstd.level", recompressed],
  ["controller.quorum.voters", atStart],
  ["follower.replication.throttled.rate", "movements of replicas are throttled as a whole"],
  ["leader.replication.throttled.rate", "movements of replicas are throttled as a whole"],
  ["listeners", atStart],
  ["log.cleaner.threads", threads],
  ["log.dir", atStart],
  ["log.dirs", atStart],
  ["log.index.interval.bytes", indexed],
  ["log.index.size.max.bytes", indexed],
  ["log.retention.hours", unitOf("log.retention.ms")],
  ["log.retention.minutes", unitOf("log.retention.ms")],
  ["log.roll.hours", unitOf("log.roll.ms")],
  ["log.roll.jitter.ms", "segments are closed when something is added, so not all at once"],
  ["log.segment.delete.delay.ms", "a file goes as soon as nobody reads it"],
  ["min.insync.replicas", `${noIsr}; a topic may ask for less`],
  ["node.id", atStart],
  ["num.io.threads", threads],
  ["num.network.threads", threads],
  ["num.recovery.threads.per.data.dir", threads],
  ["num.replica.fetchers", "leaders push to their followers, over one connection per lane"],
  ["offsets.topic.num.partitions", internal],
  ["offsets.topic.replication.factor", internal],
  ["remote.log.storage.system.enable", noTiers],
  ["replica.lag.time.max.ms", noIsr],
  ["sasl.enabled.mechanisms", noSecurity],
  ["ssl.keystore.location", noSecurity],
  ["transaction.state.log.min.isr", noTransactions],
  ["transaction.state.log.replication.factor", noTransactions],
  ["zookeeper.connect", "there is no ZooKeeper: brokers agree among themselves"],
]);

function always(name: string, value: string, documentation: string): ConfigDefinition {
  return {
    name,
    support: "MAPPED",
    rule: oneOf(value),
    defaultValue: value,
    documentation,
    clusterName: undefined,
  };
}

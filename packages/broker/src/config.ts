import type { LogConfig } from "@ropewalk/log";
import type { PeerVersions } from "./peer/peer-config.ts";
import type { FeatureLevels } from "./controller/feature-level.ts";
import type { Address } from "@ropewalk/runtime";

/** Another broker of the set that forms the cluster, and where its peers reach it. */
export interface BootstrapBroker {
  readonly brokerId: number;
  readonly address: Address;
}

/** What one broker is told; everything that has a sensible default is in {@link BrokerLimits}. */
export interface BrokerConfig {
  /** 1 … 2^31 − 1, unique in the cluster, kept for the life of the data directory. */
  readonly brokerId: number;
  readonly dataDirectory: string;
  /** gRPC for clients. Port 0 picks a free one; `advertise` then takes its place. */
  readonly client: { readonly listen: Address; readonly advertise: Address };
  /** Frames between brokers. */
  readonly peer: { readonly listen: Address; readonly advertise: Address };
  /** Metrics and health over HTTP. */
  readonly http: { readonly listen: Address };
  /**
   * Where this one is among them: the brokers that form the cluster, the same list on each of them; the first five by
   * id begin as voters on its metadata. Where it is not, or there is a cluster already: brokers of the cluster that it
   * comes to.
   */
  readonly bootstrap: readonly BootstrapBroker[];
  /** Whether it may form a cluster; `false`: there is one, and it waits for it. Default: it may. */
  readonly mayForm?: boolean;
  /** Failure domain; replicas of a partition are spread over racks. Empty: none. */
  readonly rack: string;
  readonly limits?: Partial<BrokerLimits>;
  /** The feature levels that it says it can work at, where they differ from what this version can. */
  readonly featureLevels?: FeatureLevels;
  /** The versions of the frames between brokers that it says it speaks, where they differ from what this version does. */
  readonly peerVersions?: PeerVersions;
  /** Bounds of the log, where they differ from its own. */
  readonly log?: Partial<LogConfig>;
}

/** Bounds and pace of a broker. */
export interface BrokerLimits {
  /** One Raft tick. */
  readonly tickMs: number;
  /** A follower that hears nothing for one to two times so many ticks asks for an election. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** A group without activity for so long goes to sleep: no ticks, no heartbeats. 0: never. */
  readonly hibernateAfterTicks: number;
  /** Entry bytes in one append message. */
  readonly appendBytesMax: number;
  /** Append messages on their way to one follower of one partition. */
  readonly appendsInFlightMax: number;
  /** Entry bytes on their way to one follower of one partition. */
  readonly appendBytesInFlightMax: number;
  /** Entry bytes that one leader may hold without a majority; more is answered BUSY. */
  readonly uncommittedBytesMax: number;
  /** Committed entry bytes applied in one pass of one group. */
  readonly applyBytesMax: number;
  /** Pages of at most that size that are read for replicas at a time: after a start, all have something to apply. */
  readonly pageReadsMax: number;
  /**
   * Bytes that wait to be sent to one peer, on the lane of the log and on that of snapshots and large requests each; small
   * messages have an eighth of it. Beyond it messages are dropped, and requests answered BUSY.
   */
  readonly peerQueueBytesMax: number;
  /** Bytes that wait to be written to the journal, beyond which no more is taken from peers. */
  readonly journalQueueBytesMax: number;
  /** Largest record batch, where the topic's `max.message.bytes` does not say otherwise. */
  readonly batchBytesMax: number;
  /** Largest gRPC message. */
  readonly requestBytesMax: number;
  /** Calls and streams that one gRPC connection may have open. */
  readonly streamsPerConnectionMax: number;
  /** Batch bytes that one produce stream may have in flight. */
  readonly streamInFlightBytesMax: number;
  /** Batch bytes that all produce requests of this broker may have in flight. */
  readonly produceInFlightBytesMax: number;
  /** Bytes that one message of a fetch stream carries, unless a single batch is larger. */
  readonly fetchBytesMax: number;
  /** A subscription with nothing new says so at this interval. */
  readonly fetchHeartbeatMs: number;
  readonly partitionsPerTopicMax: number;
  readonly defaultPartitionCount: number;
  readonly defaultReplicationFactor: number;
  /** Partitions of the internal topic that keeps consumer groups. */
  readonly groupPartitionCount: number;
  readonly groupHeartbeatMs: number;
  readonly groupSessionTimeoutMs: number;
  readonly membersPerGroupMax: number;
  /** A broker that was silent for so long counts as dead. */
  readonly brokerSilenceMs: number;
  /** How often a broker tells the controller that it lives; Kafka's `broker.heartbeat.interval.ms`. */
  readonly brokerHeartbeatMs: number;
  /** A broker that the controller has not heard for so long is fenced; Kafka's `broker.session.timeout.ms`. */
  readonly brokerSessionTimeoutMs: number;
  /** How often the controller looks who is to vote on the metadata. */
  readonly membershipCheckMs: number;
  /** A voter on the metadata that was fenced for so long is replaced, where another broker is there; 0: never. */
  readonly voterReplaceDelayMs: number;
  /** The first start waits so long for brokers that cannot be reached, once a majority is there. */
  readonly formationGraceMs: number;
  /** How often a broker that is drained gives away what it leads. */
  readonly drainCheckMs: number;
  /**
   * A write that the disk does not finish for so long stands still: the broker gives its leadership up until writes
   * have flowed again for twice as long.
   */
  readonly diskStallMs: number;
  /** How often the applied state is written beside the log. */
  readonly checkpointMs: number;
  /** How often leaders look for what retention lets go; Kafka's `log.retention.check.interval.ms`. */
  readonly retentionCheckMs: number;
  /** How often replicas look whether a log is to be compacted; Kafka's `log.cleaner.backoff.ms`. */
  readonly compactionCheckMs: number;
  /** How often the logs of internal state machines are looked at, and after how many entries they are cut. */
  readonly internalCutCheckMs: number;
  readonly entriesPerImage: number;
  /** What a replica of a partition applies between two checkpoints; a restart applies as much again at most. */
  readonly entriesPerCheckpoint: number;
  /** How long a leader waits for the next append to tell a follower how far the group is committed. */
  readonly commitNoticeMs: number;
  /** A replica that lags behind is sent another snapshot when it has not taken one in for so long. */
  readonly snapshotRetryMs: number;
  /** How long another broker may take to answer with a piece of a segment; a replica waits for it, absent. */
  readonly snapshotPieceTimeoutMs: number;
  /** The first and the longest wait between two attempts to repair a damaged replica. */
  readonly repairRetryMsMin: number;
  readonly repairRetryMsMax: number;
  /** A broker whose copy of the metadata is damaged ends when it could not repair it for so long. */
  readonly controllerRepairMsMax: number;
  /** Partitions of the whole cluster whose replicas move at the same time; the others wait. */
  readonly movesAtOnceMax: number;
  /** What a broker held is made anew at others when it was silent for so long; 0: never. */
  readonly lossRepairDelayMs: number;
  /** How long after the last broker joined replicas begin to move to it. */
  readonly joinBalanceDelayMs: number;
  /** How often leaders look whether another broker is meant to lead, and give leadership back; 0: never. */
  readonly leaderBalanceMs: number;
  /** How long a request that was passed on to another broker may take. */
  readonly forwardTimeoutMs: number;
}

/** The limits a broker has unless told otherwise. */
export const defaultBrokerLimits: BrokerLimits = {
  tickMs: 50,
  electionTicks: 20,
  heartbeatTicks: 3,
  hibernateAfterTicks: 100,
  appendBytesMax: 1024 * 1024,
  appendsInFlightMax: 256,
  appendBytesInFlightMax: 16 * 1024 * 1024,
  uncommittedBytesMax: 64 * 1024 * 1024,
  applyBytesMax: 8 * 1024 * 1024,
  pageReadsMax: 8,
  peerQueueBytesMax: 64 * 1024 * 1024,
  journalQueueBytesMax: 64 * 1024 * 1024,
  batchBytesMax: 8 * 1024 * 1024,
  requestBytesMax: 16 * 1024 * 1024,
  streamsPerConnectionMax: 1000,
  streamInFlightBytesMax: 16 * 1024 * 1024,
  produceInFlightBytesMax: 128 * 1024 * 1024,
  fetchBytesMax: 1024 * 1024,
  fetchHeartbeatMs: 1000,
  partitionsPerTopicMax: 10_000,
  defaultPartitionCount: 1,
  defaultReplicationFactor: 3,
  groupPartitionCount: 4,
  groupHeartbeatMs: 1000,
  groupSessionTimeoutMs: 10_000,
  membersPerGroupMax: 1000,
  brokerSilenceMs: 3000,
  brokerHeartbeatMs: 1000,
  brokerSessionTimeoutMs: 9000,
  membershipCheckMs: 500,
  voterReplaceDelayMs: 10 * 60 * 1000,
  formationGraceMs: 2000,
  drainCheckMs: 500,
  diskStallMs: 3000,
  checkpointMs: 1000,
  retentionCheckMs: 5 * 60 * 1000,
  compactionCheckMs: 15_000,
  internalCutCheckMs: 10_000,
  entriesPerImage: 50_000,
  entriesPerCheckpoint: 4096,
  commitNoticeMs: 25,
  snapshotRetryMs: 2000,
  snapshotPieceTimeoutMs: 5000,
  repairRetryMsMin: 500,
  repairRetryMsMax: 30_000,
  controllerRepairMsMax: 60_000,
  movesAtOnceMax: 10,
  lossRepairDelayMs: 30 * 60 * 1000,
  joinBalanceDelayMs: 60_000,
  leaderBalanceMs: 30_000,
  forwardTimeoutMs: 10_000,
};

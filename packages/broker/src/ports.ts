import type {
  CommitOffsetsRequest,
  DescribeGroupRequest,
  DescribeGroupResponse,
  FetchOffsetsRequest,
  FetchOffsetsResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  ListGroupsResponseInit,
  RopewalkError,
} from "@ropewalk/protocol";
import type { ConfigAlteration } from "./configs/config-alteration.ts";
import type { ConfigView } from "./configs/config-description.ts";
import type { ConfigResource } from "./configs/config-resource.ts";

export type { ConfigAlteration, ConfigResource, ConfigView };

/**
 * The broker's ports: what a front door (gRPC today, others later) may ask of a broker. A front door
 * turns bytes into these calls and nothing else. Every call names the principal it is made for.
 */

/** Who asks. Until there is authentication, everybody on the client port is anonymous. */
export interface Principal {
  readonly name: string;
}

/** The principal of connections that did not authenticate. */
export const anonymous: Principal = { name: "anonymous" };

/** When a batch counts as acknowledged: durable on a majority, or durable on the leader. */
export type Acknowledgement = "all" | "leader";

/** Where the records of an acknowledged batch are: [baseOffset, nextOffset). */
export interface AppendResult {
  readonly baseOffset: number;
  readonly nextOffset: number;
  /** The batch was there already; the offsets are those of the first write. */
  readonly duplicate: boolean;
}

/** How one append ended. Called exactly once, in a later turn or at once. */
export type AppendCallback = (outcome: AppendResult | RopewalkError) => void;

/** Where reading starts. */
export type StartPosition =
  | { readonly kind: "offset"; readonly offset: number }
  | { readonly kind: "timestamp"; readonly timestampMs: number }
  | { readonly kind: "earliest" }
  | { readonly kind: "latest" };

/** What was read: whole record batches, unchanged; read-only, shared with the log's cache. */
export interface ReadResult {
  readonly batches: readonly Uint8Array[];
  /** The offset after the last record of `batches`; the offset asked for where there are none. */
  readonly nextOffset: number;
  /** Says, once, that nobody looks at `batches` any more: their memory is used again. It may be left out. */
  readonly release?: () => void;
}

/** The offset that stands for the high watermark where records are deleted; Kafka's number. */
export const allRecords = -1;

/**
 * A partition that can be read here: at its leader, or at a replica that follows. Every call answers NOT_LEADER
 * where it is not that any more.
 */
export interface ReadablePartition {
  readonly topic: string;
  readonly partition: number;
  /** The offset after the last record that is known here to be committed. */
  highWatermark(): number;
  /** The first offset that can be read. */
  startOffset(): number;
  /** Throws OFFSET_OUT_OF_RANGE; a replica that follows, NOT_LEADER beyond its high watermark. */
  resolve(start: StartPosition): number | Promise<number>;
  /** Committed batches from `offset` on; empty at the high watermark. Throws as `resolve`. */
  read(principal: Principal, offset: number, bytesMax: number): ReadResult | Promise<ReadResult>;
  /**
   * Runs `listener` once, when there is something committed at `offset`, or the partition cannot be read here
   * any more. Answers a function that takes the listener back.
   */
  awaitRecords(offset: number, listener: () => void): () => void;
}

/** A partition, at its leader. Every call answers NOT_LEADER where this broker does not lead it. */
export interface PartitionLog extends ReadablePartition {
  /** Appends one record batch. The caller gives the bytes away. */
  append(
    principal: Principal,
    batch: Uint8Array,
    acks: Acknowledgement,
    done: AppendCallback,
  ): void;
  /**
   * Deletes the committed records below `offset`, or all of them where it is `allRecords`: they cannot be
   * read any more. Resolves with the start offset once that is replicated. Rejects with OFFSET_OUT_OF_RANGE,
   * or POLICY_VIOLATION where the topic is only compacted; with REQUEST_TIMED_OUT where a majority takes longer.
   */
  deleteRecords(principal: Principal, offset: number, patience?: Patience): Promise<number>;
}

/** Finds partitions. Throws UNKNOWN_TOPIC_OR_PARTITION, or NOT_LEADER with a hint. */
export interface PartitionDirectory {
  leader(topic: string, partition: number): PartitionLog;
  /** This broker's replica, whether it leads or follows; NOT_LEADER where it has none that does. */
  replica(topic: string, partition: number): ReadablePartition;
  /** Partitions of the topic that this broker leads. Throws UNKNOWN_TOPIC_OR_PARTITION. */
  ledPartitions(topic: string): readonly PartitionLog[];
}

/** A topic to be made; zero counts mean the cluster's defaults. */
export interface NewTopic {
  readonly name: string;
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly configs: ReadonlyMap<string, string>;
}

/** A topic as it is. */
export interface TopicView {
  readonly name: string;
  readonly topicId: string;
  readonly internal: boolean;
  readonly configs: ReadonlyMap<string, string>;
  readonly partitions: readonly PartitionView[];
}

/** A partition as it is; a leader of 0 is none known. */
export interface PartitionView {
  readonly partition: number;
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly replicaIds: readonly number[];
}

/** How long somebody waits. */
export interface Patience {
  /** How long the one who asks waits for the answer; unless said, as long as the broker itself would. */
  readonly timeoutMs?: number | undefined;
}

/** How a change is made. */
export interface ChangeOptions extends Patience {
  /** Check only, as the controller would: nothing is changed. */
  readonly validateOnly?: boolean;
}

/** Makes, grows and removes topics; any broker takes these calls and passes them to the controller. */
export interface TopicAdmin {
  createTopic(principal: Principal, topic: NewTopic, options?: ChangeOptions): Promise<TopicView>;
  /**
   * Adds partitions until the topic has `partitionCount`. Rejects with INVALID_PARTITIONS where it has as many
   * already.
   */
  createPartitions(
    principal: Principal,
    topic: string,
    partitionCount: number,
    options?: ChangeOptions,
  ): Promise<TopicView>;
  deleteTopic(principal: Principal, name: string, options?: ChangeOptions): Promise<void>;
}

/** Configs of topics, brokers and the cluster; any broker takes these calls, and passes changes to the controller. */
export interface ConfigAdmin {
  /**
   * Every config of the resource in the order of names; those of Kafka's that are not supported only where they
   * are wanted. Throws UNKNOWN_TOPIC_OR_PARTITION, or INVALID_REQUEST for a broker that is not there.
   */
  describeConfigs(
    principal: Principal,
    resource: ConfigResource,
    includeUnsupported: boolean,
  ): readonly ConfigView[];
  /**
   * All of the alterations, or none (KIP-339). Resolves with the named configs as they are then, or would be.
   * Rejects with INVALID_CONFIG, and as `describeConfigs` throws.
   */
  alterConfigs(
    principal: Principal,
    resource: ConfigResource,
    alterations: readonly ConfigAlteration[],
    options?: ChangeOptions,
  ): Promise<readonly ConfigView[]>;
}

/** Where a partition's replicas are to be; the first one is meant to lead. */
export interface PartitionReplicaIds {
  readonly topic: string;
  readonly partition: number;
  readonly replicaIds: readonly number[];
}

/** Changes of where replicas are: some that are named, or the cluster's own plan for topics (empty: all). */
export interface ReassignmentRequest extends Patience {
  readonly wanted:
    | { readonly kind: "explicit"; readonly partitions: readonly PartitionReplicaIds[] }
    | { readonly kind: "auto"; readonly topics: readonly string[] };
  /** Only checks. */
  readonly dryRun: boolean;
  /** For all moves from now on; 0: without a bound; `undefined`: as before. */
  readonly throttleBytesPerSecond: number | undefined;
}

/** Another number of replicas for every partition of a topic. */
export interface ReplicationFactorChange extends Patience {
  readonly topic: string;
  readonly replicationFactor: number;
  /** Only checks. */
  readonly dryRun: boolean;
  /** As for a reassignment. */
  readonly throttleBytesPerSecond: number | undefined;
}

/** What changes, or would. */
export interface PlannedReassignment extends PartitionReplicaIds {
  readonly targetIds: readonly number[];
}

/** A partition whose replicas move (KIP-455), or wait for their turn. */
export interface ReassignmentView extends PlannedReassignment {
  readonly groupId: number;
  readonly addingIds: readonly number[];
  readonly removingIds: readonly number[];
  readonly state: "waiting" | "moving";
}

/** How far a move has come: of the slowest replica that comes. */
export interface ReassignmentProgress {
  readonly groupId: number;
  readonly percent: number;
  readonly isSnapshotting: boolean;
}

/** Moves replicas; any broker takes these calls and passes changes on to the controller. */
export interface ReassignmentAdmin {
  /**
   * Begins to move replicas. Rejects with INVALID_REPLICA_ASSIGNMENT, UNKNOWN_TOPIC_OR_PARTITION or INVALID_REQUEST; then
   * nothing is done.
   */
  reassign(
    principal: Principal,
    request: ReassignmentRequest,
  ): Promise<{ readonly planned: readonly PlannedReassignment[]; readonly leftCount: number }>;
  /**
   * Begins to give every partition of a topic another number of replicas. Rejects with INVALID_REPLICATION_FACTOR,
   * UNKNOWN_TOPIC_OR_PARTITION or INVALID_REPLICA_ASSIGNMENT; then nothing is done. Not all that change need be named.
   */
  alterReplicationFactor(
    principal: Principal,
    change: ReplicationFactorChange,
  ): Promise<{ readonly planned: readonly PlannedReassignment[]; readonly changedCount: number }>;
  /** Lets partitions go back to where they were. Rejects with NO_REASSIGNMENT_IN_PROGRESS; then nothing is done. */
  cancel(
    principal: Principal,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
    change: { readonly dryRun: boolean } & Patience,
  ): Promise<readonly PlannedReassignment[]>;
  /** Everything that moves or waits, by topic and partition; an empty topic: all. */
  list(principal: Principal, topic: string): readonly ReassignmentView[];
  /** How far these have come; those whose leaders do not answer in time are left out. */
  progress(
    principal: Principal,
    moves: readonly ReassignmentView[],
  ): Promise<readonly ReassignmentProgress[]>;
  throttleBytesPerSecond(principal: Principal): number;
}
/** Where a broker is in its life. */
export type BrokerState = "active" | "fenced" | "draining" | "drained" | "decommissioning";

/** A broker as this one sees it. */
export interface BrokerView {
  readonly brokerId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string;
  readonly alive: boolean;
  readonly version: string;
  readonly ledPartitionCount: number;
  readonly replicaCount: number;
  readonly state: BrokerState;
  /** Names the disk: a broker that lost it has another one. */
  readonly directoryId: string;
  /** How often it was started with that directory. */
  readonly startCount: number;
  /** Of the file system that holds its data; 0: not known. */
  readonly diskCapacityBytes: number;
  readonly controllerRole: "voter" | "learner" | "none";
  /** The feature levels that it can work at, both included. */
  readonly featureLevels: { readonly min: number; readonly max: number };
  /** Where other brokers reach it. */
  readonly peer: { readonly host: string; readonly port: number };
}

/** How a broker is changed. */
export interface BrokerChange extends Patience {
  /** Only say whether it would be done. */
  readonly dryRun: boolean;
}

/** What came of a change; `removed`: the broker was to leave and did so before. */
export type BrokerOutcome =
  | {
      readonly kind: "changed";
      /** Brokers that vote on the cluster's metadata once that is through, where nobody else comes; 0: not known. */
      readonly metadataVoterCount: number;
    }
  | { readonly kind: "removed" };

/** A feature level that was raised, or would be: before and afterwards. */
export interface FeatureUpgrade {
  readonly previousLevel: number;
  readonly level: number;
}

/** What is asked of the cluster's feature level; any broker takes it and passes it to the controller. */
export interface FeatureAdmin {
  /** Raises it to the highest that every broker knows; there is no way back. With `dryRun` nothing changes. */
  upgrade(principal: Principal, change: BrokerChange): Promise<FeatureUpgrade>;
}

/** What is asked of brokers as a whole; any broker takes these calls and passes them to the controller. */
export interface BrokerAdmin {
  /**
   * Has a broker lead nothing, until it is undrained. Rejects with BROKER_ID_NOT_REGISTERED, or POLICY_VIOLATION
   * where the cluster could not do without it. With `dryRun` nothing changes. The same holds for the others.
   */
  drain(principal: Principal, brokerId: number, change: BrokerChange): Promise<BrokerOutcome>;
  undrain(principal: Principal, brokerId: number, change: BrokerChange): Promise<BrokerOutcome>;
  /** Drains a broker for good: it is removed once it has no replica any more. */
  decommission(
    principal: Principal,
    brokerId: number,
    change: BrokerChange,
  ): Promise<BrokerOutcome>;
}

/** The cluster as this broker sees it. */
export interface ClusterView {
  readonly brokerId: number;
  clusterId(): string;
  /** 0: none known. */
  controllerId(): number;
  /** What every broker can do. */
  featureLevel(): number;
  brokers(): readonly BrokerView[];
  topics(): readonly TopicView[];
  topic(name: string): TopicView | undefined;
  leaderless(): readonly { readonly topic: string; readonly partition: number }[];
}

/** What a broker's disk is good for; `failed` until the broker is started again. */
export type DiskHealth = "sound" | "full" | "stalled" | "failed";

/** How one broker does, as it knows itself. */
export interface BrokerHealth {
  readonly brokerId: number;
  readonly disk: DiskHealth;
  /** Its event loop was blocked again and again lately. */
  readonly isLoopBlocked: boolean;
  /** Why it sends clients away. */
  readonly notReady: string | undefined;
  /** Partitions that it leads, and the replicas of them that lag or are out. */
  readonly underReplicated: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly replicaIds: readonly number[];
  }[];
  /** Replicas on this broker that take no part. */
  readonly absentReplicaCount: number;
}

/** How this broker does. */
export interface HealthView {
  /**
   * It takes a second to tell what lags from what is on its way: rejects with REQUEST_TIMED_OUT, at once, where that is
   * needed and there is no time for it.
   */
  describe(principal: Principal, patience?: Patience): Promise<BrokerHealth>;
}

/** Gives out ids for idempotent producers. */
export interface ProducerIds {
  /** Rejects as the controller does, and with LEADER_NOT_AVAILABLE where it does not answer in time. */
  next(patience?: Patience): Promise<number>;
}

/** Consumer groups; calls are passed on to the group's coordinator. */
export interface GroupCoordinator {
  heartbeat(
    principal: Principal,
    request: HeartbeatRequest,
    patience?: Patience,
  ): Promise<HeartbeatResponse>;
  commitOffsets(
    principal: Principal,
    request: CommitOffsetsRequest,
    patience?: Patience,
  ): Promise<void>;
  fetchOffsets(
    principal: Principal,
    request: FetchOffsetsRequest,
    patience?: Patience,
  ): Promise<FetchOffsetsResponse>;
  describeGroup(
    principal: Principal,
    request: DescribeGroupRequest,
    patience?: Patience,
  ): Promise<DescribeGroupResponse>;
  listGroups(principal: Principal, patience?: Patience): Promise<ListGroupsResponseInit>;
}

/** Everything a front door may ask. */
export interface BrokerPorts {
  readonly partitions: PartitionDirectory;
  readonly topics: TopicAdmin;
  readonly brokers: BrokerAdmin;
  readonly features: FeatureAdmin;
  readonly reassignments: ReassignmentAdmin;
  readonly configs: ConfigAdmin;
  readonly groups: GroupCoordinator;
  readonly cluster: ClusterView;
  readonly health: HealthView;
  readonly producerIds: ProducerIds;
  /** Whether this broker can serve: it is registered and knows a controller. */
  isReady(): boolean;
  /** Whether its cluster counts this broker as one of its own no more: what it knows of it is out of date for good. */
  isExcluded(): boolean;
}

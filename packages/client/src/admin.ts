import {
  brokerHealthService,
  clusterService,
  type BrokerDescription,
  type ConfigDescription,
  type DescribeBrokerHealthResponse,
  type DescribeClusterResponse,
  type DescribeGroupResponse,
  fromProtoError,
  groupService,
  type GroupSummary,
  type PartitionReplicas,
  RopewalkError,
  type TopicDescription as TopicDescriptionMessage,
  topicService,
  type TopicSummary,
} from "@ropewalk/protocol";
import type { CallOptions, ClusterConnection } from "./cluster-connection.ts";
import { followPages } from "./follow-pages.ts";
import { type GroupDescription, groupDescriptionOf } from "./group-description.ts";
import type { PartitionOffset } from "./group-session.ts";
import { lookUpOffsets, type PartitionOffsets } from "./offset-lookup.ts";
import {
  alterReplicationFactor,
  cancelReassignments,
  listReassignments,
  type ReassignmentCancellation,
  type ReassignmentList,
  type ReassignmentPlan,
  type ReassignmentWish,
  reassignPartitions,
  type ReplicationFactorOptions,
  type ReplicationFactorPlan,
} from "./reassignment.ts";
import { deleteRecords, type PartitionStart, type RecordDeletion } from "./record-deletion.ts";
import {
  alterConfigs,
  type ConfigAlteration,
  type ConfigQuestion,
  type ConfigResource,
  describeConfigs,
  resourceText,
} from "./resource-configs.ts";
import { type NewTopic, type TopicDescription, topicDescriptionOf } from "./topic-description.ts";

/** How admin calls are made. */
export interface AdminOptions {
  /** How long a call may take, all attempts together. Default 30 s. */
  readonly timeoutMs?: number | undefined;
}

/** The cluster's feature level before and after an upgrade. */
export interface FeatureUpgrade {
  readonly previousLevel: number;
  readonly level: number;
}

/** How a broker is changed. */
export interface BrokerChangeOptions {
  /** Only find out whether it would be done. */
  readonly dryRun?: boolean | undefined;
}

/** A broker that is to leave for good, as it was when it was asked. */
export interface LeavingBroker extends BrokerDescription {
  /** So many brokers vote on the cluster's metadata once it has left, unless others come; 0: not known. */
  readonly metadataVoterCount: number;
}

const timeoutMsDefault = 30_000;

/** How a change is made. */
export interface ChangeOptions {
  /** The cluster checks the change, answers what would be, and changes nothing. */
  readonly validateOnly?: boolean | undefined;
}

/** How long one broker may take to say how it does, which takes it a second. */
const brokerHealthTimeoutMs = 4_000;

/** How long the ends of partitions may keep the description of a group waiting. */
const lagTimeoutMs = 3_000;

/**
 * Topics, configs, groups and the cluster itself. Every call has a deadline and rejects with a {@link RopewalkError}.
 * Questions are asked again after any failure that may pass; changes only after failures that say that
 * nothing happened, so that a rejection with `outcome` "indefinite" means: look before you try again.
 */
export class Admin {
  readonly #cluster: ClusterConnection;
  readonly #timeoutMs: number;

  /** Made by `RopewalkClient.admin()`. */
  constructor(cluster: ClusterConnection, options: AdminOptions = {}) {
    this.#cluster = cluster;
    this.#timeoutMs = options.timeoutMs ?? timeoutMsDefault;
  }

  /** Makes a topic; TOPIC_ALREADY_EXISTS where there is one of that name. */
  async createTopic(
    topic: NewTopic,
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<TopicDescription> {
    const { name, partitionCount, replicationFactor } = topic;
    const configs = new Map(Object.entries(topic.configs ?? {}));
    const request = { name, partitionCount, replicationFactor, configs, validateOnly };
    const options = this.#change(`Cannot create topic ${name}`);
    const response = await this.#cluster.call(topicService.createTopic, request, options);
    return topicDescriptionOf(present(response.topic, options.action));
  }

  /**
   * Adds partitions to a topic until it has `partitionCount`; INVALID_PARTITIONS where it has as many. Which
   * partition a key belongs to is another one from then on.
   */
  async createPartitions(
    topic: string,
    partitionCount: number,
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<TopicDescription> {
    const request = { topic, partitionCount, validateOnly };
    const options = this.#change(`Cannot add partitions to topic ${topic}`);
    const response = await this.#cluster.call(topicService.createPartitions, request, options);
    const grown = present(response.topic, options.action);
    // Producers of this client may write to them at once.
    if (!validateOnly) this.#cluster.metadata.merge({ brokers: [], topics: [grown] }, []);
    return topicDescriptionOf(grown);
  }

  /** Configs with value, source and default; UNKNOWN_TOPIC_OR_PARTITION where there is no such topic. */
  describeConfigs(
    resource: ConfigResource,
    question: ConfigQuestion = {},
  ): Promise<ConfigDescription[]> {
    const options = this.#question(`Cannot describe configs of ${resourceText(resource)}`);
    return describeConfigs(this.#cluster, resource, question, options);
  }

  /**
   * Alters configs, all or none, and answers what those that are named are then. INVALID_CONFIG where one cannot
   * be as it is wanted; the error's `invalidConfig` says which and what it can be.
   */
  alterConfigs(
    resource: ConfigResource,
    alterations: readonly ConfigAlteration[],
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<ConfigDescription[]> {
    const options = this.#change(`Cannot alter configs of ${resourceText(resource)}`);
    return alterConfigs(this.#cluster, resource, alterations, validateOnly, options);
  }

  /** All topics by name; those of the product itself only when asked for. */
  async listTopics(options: { readonly includeInternal?: boolean } = {}): Promise<TopicSummary[]> {
    const { includeInternal = false } = options;
    const topics: TopicSummary[] = [];
    await followPages(async (pageToken) => {
      const request = { includeInternal, pageToken };
      const page = await this.#cluster.call(
        topicService.listTopics,
        request,
        this.#question("Cannot list topics"),
      );
      topics.push(...page.topics);
      return page.nextPageToken;
    });
    return topics;
  }

  /** A topic with its settings and partitions; UNKNOWN_TOPIC_OR_PARTITION where there is none. */
  async describeTopic(name: string): Promise<TopicDescription> {
    const options = this.#question(`Cannot describe topic ${name}`);
    const pages: TopicDescriptionMessage[] = [];
    await followPages(async (pageToken) => {
      const request = { name, pageToken };
      const page = await this.#cluster.call(topicService.describeTopic, request, options);
      pages.push(present(page.topic, options.action));
      return page.nextPageToken;
    });
    const topic = present(pages[0], options.action);
    // Made anew between two pages it is another one: what belongs to the first is told.
    const partitions = pages
      .filter(({ topicId }) => topicId === topic.topicId)
      .flatMap((page) => page.partitions);
    return topicDescriptionOf({ ...topic, partitions });
  }

  /** Deletes a topic and everything in it. */
  async deleteTopic(name: string): Promise<void> {
    const options = this.#change(`Cannot delete topic ${name}`);
    await this.#cluster.call(topicService.deleteTopic, { name }, options);
  }

  /**
   * Deletes the records of partitions below an offset, and answers where each begins then: at that offset, or
   * where it began already. OFFSET_OUT_OF_RANGE beyond the end, POLICY_VIOLATION where the topic is only
   * compacted. Where one partition fails, others may be done; the same call again does the rest.
   */
  async deleteRecords(deletion: RecordDeletion): Promise<PartitionStart[]> {
    return deleteRecords(this.#cluster, deletion, this.#timeoutMs);
  }

  /**
   * Begins to move replicas to other brokers; another number of them changes the replication factor. All of it, or nothing and
   * INVALID_REPLICA_ASSIGNMENT with the reason. It has not moved yet when this resolves: see `listReassignments`.
   */
  reassignPartitions(wish: ReassignmentWish): Promise<ReassignmentPlan> {
    return reassignPartitions(this.#cluster, wish, this.#change("Cannot reassign partitions"));
  }

  /**
   * Begins to give every partition of a topic another number of replicas, while it is used. All of them, or nothing and
   * INVALID_REPLICATION_FACTOR with the reason. They have not come or gone yet when this resolves: see `listReassignments`.
   */
  alterReplicationFactor(
    topic: string,
    replicationFactor: number,
    how: ReplicationFactorOptions = {},
  ): Promise<ReplicationFactorPlan> {
    // The same wish twice is the same as once.
    const options = this.#question(`Cannot give topic ${topic} ${replicationFactor} replicas`);
    return alterReplicationFactor(this.#cluster, { topic, replicationFactor, ...how }, options);
  }

  /** Every partition whose replicas move, or wait for their turn; of one topic where that is named. */
  async listReassignments(topic = ""): Promise<ReassignmentList> {
    const reassignments: ReassignmentList["reassignments"][number][] = [];
    let throttleBytesPerSecond = 0;
    await followPages(async (pageToken) => {
      const options = this.#question("Cannot list reassignments");
      const page = await listReassignments(this.#cluster, { topic, pageToken }, options);
      reassignments.push(...page.reassignments);
      ({ throttleBytesPerSecond } = page);
      return page.nextPageToken;
    });
    return { reassignments, throttleBytesPerSecond };
  }

  /** Lets partitions go back to where they were; NO_REASSIGNMENT_IN_PROGRESS, and nothing, where one does not move. */
  cancelReassignments(
    cancellation: ReassignmentCancellation,
  ): Promise<readonly PartitionReplicas[]> {
    const options = this.#change("Cannot cancel reassignments");
    return cancelReassignments(this.#cluster, cancellation, options);
  }

  /** Brokers, controller and counts, as the broker that is asked sees them. */
  describeCluster(): Promise<DescribeClusterResponse> {
    const options = this.#question("Cannot describe the cluster");
    return this.#cluster.call(clusterService.describeCluster, {}, options);
  }

  /**
   * Has a broker lead nothing until it is undrained; `describeCluster` tells how far that is. Answers the broker as it
   * was. BROKER_ID_NOT_REGISTERED where there is none, POLICY_VIOLATION where a partition, or the metadata, would be
   * left without a majority once it is stopped. With `dryRun` nothing changes. The same holds for the next two.
   */
  drainBroker(brokerId: number, options: BrokerChangeOptions = {}): Promise<BrokerDescription> {
    return this.#changeBroker("drain", clusterService.drainBroker, brokerId, options);
  }

  /** Takes back a drain, or a decommission as long as the broker is not removed. */
  undrainBroker(brokerId: number, options: BrokerChangeOptions = {}): Promise<BrokerDescription> {
    return this.#changeBroker("undrain", clusterService.undrainBroker, brokerId, options);
  }

  /**
   * Drains a broker for good: it is removed from the cluster once it has no replica any more. Where fewer than three brokers
   * are left to vote on the cluster's metadata (`metadataVoterCount`), none of these can be spared any more.
   */
  async decommissionBroker(
    brokerId: number,
    { dryRun = false }: BrokerChangeOptions = {},
  ): Promise<LeavingBroker> {
    // The same wish twice is the same as once.
    const options = this.#question(`Cannot decommission broker ${brokerId}`);
    const request = { brokerId, dryRun };
    const answer = await this.#cluster.call(clusterService.decommissionBroker, request, options);
    const { broker, metadataVoterCount } = answer;
    return { ...present(broker, options.action), metadataVoterCount };
  }

  /**
   * Raises the cluster's feature level to the highest that every broker knows; there is no way back to a version that does
   * not know it. Answers the level before and afterwards, or, with `dryRun`, as it would be.
   */
  upgradeFeatureLevel({ dryRun = false }: BrokerChangeOptions = {}): Promise<FeatureUpgrade> {
    // The same wish twice is the same as once.
    const options = this.#question("Cannot raise the feature level");
    return this.#cluster.call(clusterService.upgradeFeatureLevel, { dryRun }, options);
  }

  async #changeBroker(
    verb: string,
    method: typeof clusterService.drainBroker,
    brokerId: number,
    { dryRun = false }: BrokerChangeOptions,
  ): Promise<BrokerDescription> {
    // The same wish twice is the same as once.
    const options = this.#question(`Cannot ${verb} broker ${brokerId}`);
    const { broker } = await this.#cluster.call(method, { brokerId, dryRun }, options);
    return present(broker, options.action);
  }

  /**
   * How brokers do, as each says of itself. Those that do not answer in time, or that nobody knows, are missing;
   * which lies in the nature of the question.
   */
  async describeBrokerHealth(brokerIds: Iterable<number>): Promise<DescribeBrokerHealthResponse[]> {
    await this.#cluster.refresh([]);
    const timeoutMs = Math.min(this.#timeoutMs, brokerHealthTimeoutMs);
    const answers = [...brokerIds].map(async (brokerId) => {
      const options = { action: `Cannot ask broker ${brokerId} for its health`, timeoutMs };
      const method = brokerHealthService.describeBrokerHealth;
      return this.#cluster.callBroker(brokerId, method, {}, options);
    });
    const settled = await Promise.allSettled(answers);
    return settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  }

  /** All consumer groups; rejects where a coordinator could not be asked, since its groups would be missing. */
  async listGroups(): Promise<GroupSummary[]> {
    const groups: GroupSummary[] = [];
    await followPages(async (pageToken) => {
      const options = this.#question("Cannot list groups");
      const page = await this.#cluster.call(groupService.listGroups, { pageToken }, options);
      const [error] = page.errors;
      if (error !== undefined) throw fromProtoError(error);
      groups.push(...page.groups);
      return page.nextPageToken;
    });
    return groups;
  }

  /**
   * A group with its members and lags; GROUP_ID_NOT_FOUND where there is none. Ends that the coordinator does
   * not know are asked for at the leaders; the lag is null where they do not answer.
   */
  async describeGroup(groupId: string): Promise<GroupDescription> {
    const options = this.#question(`Cannot describe group ${groupId}`);
    const pages: DescribeGroupResponse[] = [];
    await followPages(async (pageToken) => {
      const request = { groupId, pageToken };
      const page = await this.#cluster.call(groupService.describeGroup, request, options);
      pages.push(page);
      return page.nextPageToken;
    });
    const offsets = pages.flatMap((page) => page.offsets);
    const response = { ...present(pages[0], options.action), offsets };
    const unknown = offsets.filter(({ highWatermark }) => highWatermark < 0);
    const ends = await this.#endsOf(Map.groupBy(unknown, ({ topic }) => topic));
    return groupDescriptionOf(response, (topic, partition) => ends.get(topic)?.get(partition));
  }

  /**
   * Sets the offsets (of the next record to read) of a group that has no members at present; UNKNOWN_MEMBER_ID
   * where it has some.
   */
  async commitGroupOffsets(groupId: string, offsets: readonly PartitionOffset[]): Promise<void> {
    const request = { groupId, memberId: "", memberEpoch: -1, offsets };
    // The same offsets twice are the same as once.
    const options = this.#question(`Cannot commit offsets of group ${groupId}`);
    await this.#cluster.call(groupService.commitOffsets, request, options);
  }

  async #endsOf(
    topics: ReadonlyMap<string, readonly { readonly partition: number }[]>,
  ): Promise<Map<string, Map<number, number>>> {
    const ends = new Map<string, Map<number, number>>();
    const ask = async (topic: string, partitions: readonly number[]): Promise<void> => {
      try {
        const question = { topic, partitions, at: "latest", timeoutMs: lagTimeoutMs } as const;
        const offsets = await lookUpOffsets(this.#cluster, question);
        ends.set(topic, new Map(offsets.map((one) => [one.partition, one.highWatermark])));
      } catch (error) {
        this.#cluster.logger.debug("The end of a topic is not known.", { topic, error });
      }
    };
    await Promise.all(
      [...topics].map(([topic, of]) =>
        ask(
          topic,
          of.map(({ partition }) => partition),
        ),
      ),
    );
    return ends;
  }

  /**
   * An offset of every partition of a topic, or of those named: where it begins or ends, or the first record
   * at or after a time.
   */
  async listOffsets(
    topic: string,
    at: "earliest" | "latest" | { readonly timestampMs: number },
    partitions?: readonly number[],
  ): Promise<PartitionOffsets[]> {
    const wanted =
      partitions ?? (await this.describeTopic(topic)).partitions.map(({ partition }) => partition);
    const question = { topic, partitions: wanted, at, timeoutMs: this.#timeoutMs };
    return lookUpOffsets(this.#cluster, question);
  }

  #question(action: string): CallOptions {
    return { action, timeoutMs: this.#timeoutMs, retry: "any" };
  }

  #change(action: string): CallOptions {
    return { action, timeoutMs: this.#timeoutMs, retry: "definite" };
  }
}

function present<T>(value: T | undefined, action: string): T {
  if (value !== undefined) return value;
  throw new RopewalkError("UNKNOWN_SERVER_ERROR", `${action}: the broker's answer is empty`);
}

import { isInternalTopicName, RopewalkError, topicNameFault } from "@ropewalk/protocol";
import type { Clock, Logger, Random } from "@ropewalk/runtime";
import type { BrokerLimits } from "../config.ts";
import { partitionCountName, replicationFactorName } from "../configs/broker-config-schema.ts";
import type { BrokerOutcome, FeatureUpgrade, NewTopic } from "../ports.ts";
import type { CommandProposer } from "../raft/command-proposer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { Leadership } from "../raft/state-machine.ts";
import { BrokerAdmission } from "./broker-admission.ts";
import { type BrokerDuty, type BrokerImage, lifeChange, takesReplicas } from "./broker-life.ts";
import { BrokerLifeKeeper } from "./broker-life-keeper.ts";
import { decommissionFault, drainFault } from "./broker-leaving.ts";
import type { ControllerMachine } from "./controller-machine.ts";
import { ControllerMembership } from "./controller-membership.ts";
import { votersWithout } from "./controller-voters.ts";
import { commonFeatureLevel } from "./feature-level.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import type { ApplyOutcome, TopicImage } from "./metadata-image.ts";
import { MetadataProposer } from "./metadata-proposer.ts";
import { replicationFactorOf } from "./partition-assignment.ts";
import { type PlacementCandidate, placePartitions } from "./placement.ts";
import { countReplicas } from "./replica-count.ts";
import type { ReplicaMover } from "./replica-mover.ts";
import { checkTopicConfigs } from "./topic-config.ts";
import { checkGrowth, imaginedTopic, placeMore } from "./topic-growth.ts";
import { Turns } from "../turns.ts";

/** What the controller needs. */
export interface ControllerOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  /** The controller's group; another one after the metadata was taken in from other brokers. */
  readonly group: () => RaftGroup;
  readonly machine: ControllerMachine;
  readonly proposer: CommandProposer;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  /** Brokers that were to form the cluster. */
  readonly bootstrapCount: number;
  /** Who moves the replicas of brokers that are to go; absent: they must be moved by hand. */
  readonly mover?: ReplicaMover;
  /** Whether the broker was heard of lately. */
  readonly isAlive: (brokerId: number) => boolean;
}

/**
 * The controller: decides on changes of the cluster's metadata and puts them into its log. It works
 * at the leader of the controller's group; elsewhere its calls reject with NOT_LEADER.
 */
export class Controller {
  readonly #options: ControllerOptions;
  /** Who registers, and who comes with nothing. */
  readonly admission: BrokerAdmission;
  /** Who lives. */
  readonly life: BrokerLifeKeeper;
  readonly #membership: ControllerMembership;
  readonly #metadata: MetadataProposer;
  /** Who changes a broker's life goes by what the changes before it came to. */
  readonly #lifeTurns = new Turns(1);

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { brokerId, clock, group, limits, logger, machine } = options;
    const { image } = machine;
    this.#metadata = new MetadataProposer(options);
    this.life = new BrokerLifeKeeper({
      clock,
      logger,
      image,
      group,
      propose: (action, change) => this.#propose(action, change),
      mover: options.mover,
      turns: this.#lifeTurns,
      checkMs: limits.brokerHeartbeatMs,
      bootstrapCount: options.bootstrapCount,
      sessionTimeoutMs: limits.brokerSessionTimeoutMs,
    });
    this.#membership = new ControllerMembership({
      brokerId,
      clock,
      logger,
      image,
      group,
      intervalMs: limits.membershipCheckMs,
      awaitMs: limits.brokerSessionTimeoutMs,
      replaceDelayMs: limits.voterReplaceDelayMs,
      changeMsMax: limits.forwardTimeoutMs / 2,
    });
    this.admission = new BrokerAdmission({
      image,
      life: this.life,
      membership: this.#membership,
      expectLeading: (action) => this.#expectLeading(action),
      propose: (action, command) => this.#propose(action, command),
    });
  }

  /** Ends what goes on by itself. */
  stop(): void {
    this.life.stop();
    this.#membership.stop();
  }

  /** A new leader names the cluster if nobody did before. */
  leadershipChanged(leadership: Leadership): void {
    this.life.leadershipChanged(leadership);
    const { machine, random, logger } = this.#options;
    if (leadership.kind !== "leading" || machine.image.clusterId !== "") return;
    this.#propose("form the cluster", { kind: "clusterFormed", clusterId: random.uuid() }).catch(
      (error: unknown) => logger.warn("the cluster could not be formed yet", { error }),
    );
  }

  /**
   * Changes what a broker is there for; with `dryRun` it only says whether it would. Rejects with
   * BROKER_ID_NOT_REGISTERED, or POLICY_VIOLATION where the cluster could not do without the broker.
   */
  changeDuty(brokerId: number, duty: BrokerDuty, dryRun: boolean): Promise<BrokerOutcome> {
    const change = (): Promise<BrokerOutcome> => this.#changeDuty(brokerId, duty, dryRun);
    return dryRun ? change() : this.#lifeTurns.run(change);
  }

  async #changeDuty(brokerId: number, duty: BrokerDuty, dryRun: boolean): Promise<BrokerOutcome> {
    const action = `${dutyVerbs[duty]} broker ${brokerId}`;
    this.#expectLeading(action);
    const { image } = this.#options.machine;
    const broker = image.brokers.get(brokerId);
    if (duty === "decommissioned" && image.isRemoved(brokerId)) return { kind: "removed" };
    if (broker === undefined) throw brokerUnknown(action, image.brokers.values());
    const voters = this.#votersAfter(brokerId, duty);
    const changed = { kind: "changed", metadataVoterCount: voters.length } as const;
    if (broker.duty === duty) return changed;
    const fault = this.#dutyFault(broker, duty, voters);
    if (fault !== undefined) {
      throw new RopewalkError("POLICY_VIOLATION", `Cannot ${action}: ${fault}`);
    }
    if (dryRun) return changed;
    const outcome = await this.#propose(action, lifeChange(broker, { duty }));
    if (outcome.kind === "refused") throw brokerUnknown(action, image.brokers.values());
    return changed;
  }

  /** Raises the feature level to the highest that every broker knows; with `dryRun` it only says which that is. */
  async raiseFeatureLevel(dryRun: boolean): Promise<FeatureUpgrade> {
    const action = "raise the feature level";
    this.#expectLeading(action);
    const { image } = this.#options.machine;
    const previousLevel = image.featureLevel;
    const level = Math.max(previousLevel, commonFeatureLevel(image.brokers.values()));
    if (dryRun || level === previousLevel) return { previousLevel, level };
    await this.#propose(action, { kind: "featureLevelRaised", level });
    return { previousLevel, level: image.featureLevel };
  }

  #dutyFault(broker: BrokerImage, duty: BrokerDuty, voters: readonly number[]): string | undefined {
    const { image } = this.#options.machine;
    if (duty === "decommissioned") return decommissionFault(image, broker, voters);
    return duty === "drained" ? drainFault(image, broker.brokerId, voters) : undefined;
  }

  /** Who votes on the metadata once the broker is there for something else: a drained one does so, too. */
  #votersAfter(brokerId: number, duty: BrokerDuty): readonly number[] {
    const { group, machine } = this.#options;
    const { brokers, removedIds } = machine.image;
    const conf = group().confState;
    return duty === "decommissioned"
      ? votersWithout(brokerId, { brokers, conf, removedIds })
      : conf.voters;
  }

  /** Makes a topic, or, to check only, answers what it would be: with an id and groups of 0. */
  async createTopic(
    topic: NewTopic,
    internal: boolean,
    validateOnly: boolean = false,
  ): Promise<TopicImage> {
    const action = `create topic ${topic.name}`;
    this.#expectLeading(action);
    this.#checkName(topic.name, internal);
    if (this.#options.machine.image.topics.has(topic.name)) throw topicExists(action);
    const partitions = this.#place(action, topic).map((replicaIds) => ({ replicaIds }));
    this.#checkConfigs(action, topic, partitions[0]?.replicaIds.length ?? 1);
    const { name, configs } = topic;
    if (validateOnly) return imaginedTopic({ name, internal, configs, partitions });
    const topicId = this.#options.random.uuid();
    const outcome = await this.#propose(action, {
      kind: "topicCreated",
      name,
      topicId,
      internal,
      configs,
      partitions,
    });
    if (outcome.kind !== "topicCreated") throw topicExists(action);
    return outcome.topic;
  }

  /**
   * Adds partitions until the topic has `partitionCount`, or, to check only, answers what it would be. Rejects
   * with INVALID_PARTITIONS where it has as many already: partitions are never taken away.
   */
  async growTopic(
    name: string,
    partitionCount: number,
    validateOnly: boolean,
  ): Promise<TopicImage> {
    const action = `add partitions to topic ${name}`;
    this.#expectLeading(action);
    const topic = this.#options.machine.image.topics.get(name);
    if (topic === undefined) throw topicUnknown(action);
    if (topic.internal) throw ownTopic(action);
    const { length } = topic.partitions;
    checkGrowth(action, length, partitionCount, this.#options.limits.partitionsPerTopicMax);
    this.#expectUsable(action, replicationFactorOf(topic.partitions));
    const { topicId } = topic;
    const partitions = placeMore(topic.partitions, this.#candidates(), partitionCount - length);
    if (validateOnly) return { ...topic, partitions: [...topic.partitions, ...partitions] };
    const outcome = await this.#propose(action, {
      kind: "partitionsCreated",
      topicId,
      partitionCount: length,
      partitions,
    });
    if (outcome.kind === "topicGrown") return outcome.topic;
    // Somebody else was faster: look again at what there is now.
    return this.growTopic(name, partitionCount, validateOnly);
  }

  async deleteTopic(name: string): Promise<void> {
    const action = `delete topic ${JSON.stringify(name)}`;
    this.#expectLeading(action);
    const topic = this.#options.machine.image.topics.get(name);
    if (topic === undefined) throw topicUnknown(action);
    if (topic.internal) throw ownTopic(action);
    const { topicId } = topic;
    const outcome = await this.#propose(action, { kind: "topicDeleted", topicId });
    if (outcome.kind === "refused") throw topicUnknown(action);
  }

  /** A block of producer ids that nobody had before; answers the first of `count`. */
  async allocateProducerIds(count: number): Promise<number> {
    const action = `allocate ${count} producer ids`;
    const outcome = await this.#propose(action, { kind: "producerIdsAllocated", count });
    if (outcome.kind === "producerIds") return outcome.firstProducerId;
    throw new Error(`unexpected outcome of a producer id allocation: ${outcome.kind}`);
  }

  #expectLeading(action: string): void {
    this.#metadata.expectLeading(action);
  }

  #propose(action: string, command: MetadataCommand): Promise<ApplyOutcome> {
    return this.#metadata.propose(action, command);
  }

  #checkName(name: string, internal: boolean): void {
    const fault =
      topicNameFault(name) ??
      (isInternalTopicName(name) && !internal
        ? "names that begin with __ are the cluster's own"
        : undefined);
    if (fault === undefined) return;
    throw new RopewalkError(
      "INVALID_TOPIC",
      `Cannot create topic ${JSON.stringify(name)}: ${fault}`,
    );
  }

  /** What a topic gets must not depend on which brokers happened to be up when it was made. */
  #defaultReplicationFactor(action: string): number {
    const { bootstrapCount, limits, machine } = this.#options;
    const configured = this.#configured(replicationFactorName);
    const registered = machine.image.brokers.size;
    const expected = Math.max(bootstrapCount, registered);
    const wanted = configured ?? Math.min(limits.defaultReplicationFactor, expected);
    if (registered >= wanted) return wanted;
    throw new RopewalkError(
      "BUSY",
      `Cannot ${action} with the default of ${wanted} replicas yet: ${registered} of ${bootstrapCount} brokers have come; start the others, or ask for fewer replicas`,
    );
  }

  #place(action: string, topic: NewTopic): number[][] {
    const { limits, machine } = this.#options;
    const brokerCount = machine.image.brokers.size;
    const partitionCount =
      topic.partitionCount ||
      (this.#configured(partitionCountName) ?? limits.defaultPartitionCount);
    const replicationFactor = topic.replicationFactor || this.#defaultReplicationFactor(action);
    if (partitionCount < 1 || partitionCount > limits.partitionsPerTopicMax) {
      throw new RopewalkError(
        "INVALID_PARTITIONS",
        `Cannot ${action}: ${partitionCount} partitions, where 1 to ${limits.partitionsPerTopicMax} are possible`,
        { validRange: { name: "partition_count", min: 1, max: limits.partitionsPerTopicMax } },
      );
    }
    if (replicationFactor < 1 || replicationFactor > brokerCount) {
      throw new RopewalkError(
        "INVALID_REPLICATION_FACTOR",
        `Cannot ${action}: ${replicationFactor} replicas, where the cluster has ${brokerCount} brokers`,
        { validRange: { name: "replication_factor", min: 1, max: brokerCount } },
      );
    }
    this.#expectUsable(action, replicationFactor);
    return placePartitions(this.#candidates(), partitionCount, replicationFactor);
  }

  #expectUsable(action: string, replicationFactor: number): void {
    const brokers = [...this.#options.machine.image.brokers.values()];
    const usable = brokers.filter((broker) => takesReplicas(broker));
    if (replicationFactor > usable.length) throw tooFewUsable(action, replicationFactor, brokers);
  }

  /** Brokers that new replicas may go to. */
  #candidates(): PlacementCandidate[] {
    const { isAlive, machine } = this.#options;
    const replicaCounts = countReplicas(machine.image.topics.values());
    const usable = [...machine.image.brokers.values()].filter((broker) => takesReplicas(broker));
    return usable.map(({ brokerId, rack }) => ({
      brokerId,
      rack,
      alive: isAlive(brokerId),
      replicaCount: replicaCounts.get(brokerId) ?? 0,
    }));
  }

  #checkConfigs(action: string, { configs }: NewTopic, replicationFactor: number): void {
    const { batchBytesMax } = this.#options.limits;
    const { clusterConfigs } = this.#options.machine.image;
    checkTopicConfigs(action, configs, { batchBytesMax, replicationFactor }, clusterConfigs);
  }

  #configured(name: string): number | undefined {
    const value = this.#options.machine.image.clusterConfigs.get(name);
    return value === undefined ? undefined : Number(value);
  }
}

const dutyVerbs: Readonly<Record<BrokerDuty, string>> = {
  serving: "undrain",
  drained: "drain",
  decommissioned: "decommission",
};

function brokerUnknown(action: string, brokers: Iterable<BrokerImage>): RopewalkError {
  const ids = [...brokers].map(({ brokerId }) => brokerId).toSorted((a, b) => a - b);
  const known = `the cluster has brokers ${ids.join(", ")}`;
  return new RopewalkError("BROKER_ID_NOT_REGISTERED", `Cannot ${action}: it is unknown; ${known}`);
}

function tooFewUsable(
  action: string,
  replicationFactor: number,
  brokers: readonly BrokerImage[],
): RopewalkError {
  const out = brokers
    .filter((broker) => !takesReplicas(broker))
    .map(({ brokerId, duty }) => `broker ${brokerId} is ${duty === "serving" ? "fenced" : duty}`);
  return new RopewalkError(
    "INVALID_REPLICATION_FACTOR",
    `Cannot ${action}: ${replicationFactor} replicas, where ${brokers.length - out.length} of ${brokers.length} brokers take new ones (${out.join(", ")})`,
  );
}

function topicExists(action: string): RopewalkError {
  return new RopewalkError("TOPIC_ALREADY_EXISTS", `Cannot ${action}: there is one of that name`);
}

function topicUnknown(action: string): RopewalkError {
  return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", `Cannot ${action}: it does not exist`);
}

function ownTopic(action: string): RopewalkError {
  return new RopewalkError("INVALID_TOPIC", `Cannot ${action}: it is the cluster's own`);
}

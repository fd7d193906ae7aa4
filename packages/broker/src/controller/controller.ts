import { isInternalTopicName, RopewalkError, topicNameFault } from "@ropewalk/protocol";
import type { Clock, Logger, Random } from "@ropewalk/runtime";
import type { BrokerLimits } from "../config.ts";
import type { NewTopic } from "../ports.ts";
import type { CommandProposer } from "../raft/command-proposer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { Leadership } from "../raft/state-machine.ts";
import { BrokerAdmission } from "./broker-admission.ts";
import { type BrokerDuty, type BrokerImage, lifeChange, takesReplicas } from "./broker-life.ts";
import { BrokerLifeKeeper } from "./broker-life-keeper.ts";
import { decommissionFault, drainFault } from "./broker-leaving.ts";
import type { ControllerMachine } from "./controller-machine.ts";
import { ControllerMembership } from "./controller-membership.ts";
import { encodeMetadataCommand } from "./metadata-codec.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import type { ApplyOutcome, TopicImage } from "./metadata-image.ts";
import { placePartitions } from "./placement.ts";
import { countReplicas } from "./replica-count.ts";
import type { ReplicaMover } from "./replica-mover.ts";
import { checkTopicConfigs } from "./topic-config.ts";

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

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { brokerId, clock, group, limits, logger, machine } = options;
    const { image } = machine;
    this.life = new BrokerLifeKeeper({
      clock,
      logger,
      image,
      group,
      propose: (action, change) => this.#propose(action, change),
      mover: options.mover,
      checkMs: limits.brokerHeartbeatMs,
      sessionTimeoutMs: limits.brokerSessionTimeoutMs,
    });
    this.#membership = new ControllerMembership({
      brokerId,
      clock,
      logger,
      image,
      group,
      intervalMs: limits.membershipCheckMs,
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
  async changeDuty(brokerId: number, duty: BrokerDuty, dryRun: boolean): Promise<void> {
    const action = `${dutyVerbs[duty]} broker ${brokerId}`;
    this.#expectLeading(action);
    const { image } = this.#options.machine;
    const broker = image.brokers.get(brokerId);
    if (broker === undefined) throw brokerUnknown(action, image.brokers.values());
    if (broker.duty === duty) return;
    const fault = this.#dutyFault(broker, duty);
    if (fault !== undefined) {
      throw new RopewalkError("POLICY_VIOLATION", `Cannot ${action}: ${fault}`);
    }
    if (dryRun) return;
    const outcome = await this.#propose(action, lifeChange(broker, { duty }));
    if (outcome.kind === "refused") throw brokerUnknown(action, image.brokers.values());
  }

  #dutyFault(broker: BrokerImage, duty: BrokerDuty): string | undefined {
    const { group, machine } = this.#options;
    if (duty === "decommissioned") return decommissionFault(machine.image, broker);
    if (duty !== "drained") return undefined;
    return drainFault(machine.image, broker.brokerId, group().confState.voters);
  }

  async createTopic(topic: NewTopic, internal: boolean): Promise<TopicImage> {
    const action = `create topic ${topic.name}`;
    this.#expectLeading(action);
    this.#checkName(topic.name, internal);
    checkTopicConfigs(topic.name, topic.configs);
    if (this.#options.machine.image.topics.has(topic.name)) throw topicExists(action);
    const partitions = this.#place(action, topic).map((replicaIds) => ({ replicaIds }));
    const { name, configs } = topic;
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

  async deleteTopic(name: string): Promise<void> {
    this.#expectLeading(`delete topic ${name}`);
    const topic = this.#options.machine.image.topics.get(name);
    if (topic === undefined) throw topicUnknown(name);
    if (topic.internal) {
      throw new RopewalkError(
        "INVALID_TOPIC",
        `Cannot delete topic ${name}: it is the cluster's own`,
      );
    }
    const { topicId } = topic;
    const outcome = await this.#propose(`delete topic ${name}`, { kind: "topicDeleted", topicId });
    if (outcome.kind === "refused") throw topicUnknown(name);
  }

  /** A block of producer ids that nobody had before; answers the first of `count`. */
  async allocateProducerIds(count: number): Promise<number> {
    const action = `allocate ${count} producer ids`;
    const outcome = await this.#propose(action, { kind: "producerIdsAllocated", count });
    if (outcome.kind === "producerIds") return outcome.firstProducerId;
    throw new Error(`unexpected outcome of a producer id allocation: ${outcome.kind}`);
  }

  /** Only a leader's image is new enough to say no by. */
  #expectLeading(action: string): void {
    const { leadership, leaderId } = this.#options.group();
    if (leadership.kind === "leading") return;
    const hint = leaderId === 0 ? {} : { leaderId };
    throw new RopewalkError(
      "NOT_LEADER",
      `Cannot ${action} here: this broker is not the controller`,
      hint,
    );
  }

  #propose(action: string, command: MetadataCommand): Promise<ApplyOutcome> {
    const { group, machine, proposer } = this.#options;
    return proposer.propose(
      group(),
      action,
      encodeMetadataCommand(command),
      () => machine.lastOutcome,
    );
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
    const registered = machine.image.brokers.size;
    const wanted = Math.min(limits.defaultReplicationFactor, Math.max(bootstrapCount, registered));
    if (registered >= wanted) return wanted;
    throw new RopewalkError(
      "BUSY",
      `Cannot ${action} with the default of ${wanted} replicas yet: ${registered} of ${bootstrapCount} brokers have come; start the others, or ask for fewer replicas`,
    );
  }

  #place(action: string, topic: NewTopic): number[][] {
    const { limits, machine, isAlive } = this.#options;
    const brokers = [...machine.image.brokers.values()];
    const partitionCount = topic.partitionCount || limits.defaultPartitionCount;
    const replicationFactor = topic.replicationFactor || this.#defaultReplicationFactor(action);
    if (partitionCount < 1 || partitionCount > limits.partitionsPerTopicMax) {
      throw new RopewalkError(
        "INVALID_PARTITIONS",
        `Cannot ${action}: ${partitionCount} partitions, where 1 to ${limits.partitionsPerTopicMax} are possible`,
      );
    }
    if (replicationFactor < 1 || replicationFactor > brokers.length) {
      throw new RopewalkError(
        "INVALID_REPLICATION_FACTOR",
        `Cannot ${action}: ${replicationFactor} replicas, where the cluster has ${brokers.length} brokers`,
      );
    }
    const usable = brokers.filter((broker) => takesReplicas(broker));
    if (replicationFactor > usable.length) throw tooFewUsable(action, replicationFactor, brokers);
    const replicaCounts = countReplicas(machine.image.topics.values());
    const candidates = usable.map(({ brokerId, rack }) => ({
      brokerId,
      rack,
      alive: isAlive(brokerId),
      replicaCount: replicaCounts.get(brokerId) ?? 0,
    }));
    return placePartitions(candidates, partitionCount, replicationFactor);
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

function topicUnknown(name: string): RopewalkError {
  return new RopewalkError(
    "UNKNOWN_TOPIC_OR_PARTITION",
    `Cannot delete topic ${JSON.stringify(name)}: it does not exist`,
  );
}

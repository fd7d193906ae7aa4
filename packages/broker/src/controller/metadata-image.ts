import { changedConfigs } from "../configs/config-alteration.ts";
import { type BrokerImage, type BrokerLifeChange, newBrokerLife } from "./broker-life.ts";
import { commandLevels } from "./command-level.ts";
import {
  commonFeatureLevel,
  featureLevelFault,
  forgottenDirectoriesLevel,
  newcomersLevel,
} from "./feature-level.ts";
import type { MetadataCommand, NewPartition, PartitionName } from "./metadata-command.ts";
import { RemovedDirectories, type RemovedDirectory } from "./removed-directories.ts";
import {
  cancelled,
  completed,
  firstAssignment,
  type PartitionAssignment,
  reassigned,
  started,
} from "./partition-assignment.ts";

/** A replicated partition and the Raft group that it is. */
export interface PartitionImage extends PartitionAssignment {
  readonly partition: number;
  /** Never given twice. */
  readonly groupId: number;
  /** Index of the controller's entry that made the partition: the incarnation of its group. */
  readonly incarnation: number;
}

/** A topic. */
export interface TopicImage {
  readonly name: string;
  readonly topicId: string;
  readonly internal: boolean;
  readonly configs: ReadonlyMap<string, string>;
  readonly partitions: readonly PartitionImage[];
  /** Index of the controller's entry that made the topic. */
  readonly incarnation: number;
}

/** What came of a command when it was applied; the same on every broker. */
export type ApplyOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "topicCreated"; readonly topic: TopicImage }
  | { readonly kind: "topicDeleted"; readonly topic: TopicImage }
  | { readonly kind: "producerIds"; readonly firstProducerId: number }
  | { readonly kind: "brokerChanged"; readonly brokerId: number }
  | {
      readonly kind: "brokerRemoved";
      readonly broker: BrokerImage;
      readonly removed: RemovedDirectory;
      /** Directories that are not remembered any more. */
      readonly forgottenIds: readonly string[];
    }
  | { readonly kind: "partitionsReassigned"; readonly changes: readonly AssignmentChange[] }
  | { readonly kind: "topicConfigured"; readonly topic: TopicImage }
  | { readonly kind: "topicGrown"; readonly topic: TopicImage }
  | { readonly kind: "brokerConfigured"; readonly brokerId: number }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

/** A partition whose assignment is another one now. */
export interface AssignmentChange {
  /** With the partition as it is now. */
  readonly topic: TopicImage;
  readonly partition: PartitionImage;
  readonly before: PartitionImage;
}

/** Why a command had no effect: something else came first. */
export type RefusalReason =
  | "clusterFormedAlready"
  | "topicExists"
  | "topicUnknown"
  | "partitionCountChanged"
  | "directoryMismatch"
  | "partitionUnknown"
  | "moveSuperseded"
  | "directoryRemoved"
  | "brokerUnknown"
  | "featureLevelKnown"
  | "featureLevelUnsupported";

/** What an image is restored from. */
export interface MetadataImageState {
  readonly clusterId: string;
  readonly nextGroupId: number;
  readonly nextProducerId: number;
  readonly featureLevel: number;
  readonly moveThrottle: number;
  readonly brokers: Iterable<BrokerImage>;
  readonly removedDirectories: Iterable<RemovedDirectory>;
  readonly topics: Iterable<TopicImage>;
  readonly brokerConfigs?: Iterable<readonly [number, ReadonlyMap<string, string>]>;
  readonly newcomerIds?: Iterable<number>;
}

/** The feature level that every version knows. */
const featureLevelAtFormation = 1;

/** Group id 1 is the controller's own; topics' partitions follow. */
export const controllerGroupId = 1;

/** Under this id, which no broker has, are the configs that hold for the whole cluster. */
export const clusterConfigsId = 0;

const firstPartitionGroupId = 2;
const noConfigs: ReadonlyMap<string, string> = new Map();
const done: ApplyOutcome = { kind: "done" };

/**
 * The cluster's metadata as of some index of the controller's log: a pure function of the commands
 * before. Every broker has one and acts on nothing else.
 */
export class MetadataImage {
  #clusterId = "";
  #nextGroupId = firstPartitionGroupId;
  #nextProducerId = 1;
  #moveThrottle = 0;
  #featureLevel = featureLevelAtFormation;
  readonly #brokers = new Map<number, BrokerImage>();
  readonly #removedDirectories = new RemovedDirectories();
  readonly #newcomerIds = new Set<number>();
  readonly #topics = new Map<string, TopicImage>();
  readonly #brokerConfigs = new Map<number, ReadonlyMap<string, string>>();

  /** Empty until the cluster was formed. */
  get clusterId(): string {
    return this.#clusterId;
  }

  /** Groups with this id or a higher one are not known to this image yet. */
  get nextGroupId(): number {
    return this.#nextGroupId;
  }

  get nextProducerId(): number {
    return this.#nextProducerId;
  }

  /** What a broker may give or take for replicas that move, in bytes a second; 0: without a bound. */
  get moveThrottle(): number {
    return this.#moveThrottle;
  }

  /** What every broker can do; commands of a higher level are not proposed yet. */
  get featureLevel(): number {
    return this.#featureLevel;
  }

  get brokers(): ReadonlyMap<number, BrokerImage> {
    return this.#brokers;
  }

  /** The data directories of removed brokers, by their ids. */
  get removedDirectories(): ReadonlyMap<string, RemovedDirectory> {
    return this.#removedDirectories.all;
  }

  /** The ids that removed brokers had; another one may have it now. */
  get removedIds(): ReadonlySet<number> {
    return new Set(this.removedDirectories.values().map(({ brokerId }) => brokerId));
  }

  /** Whether a broker of this id was removed, and no other one has it now. */
  isRemoved(brokerId: number): boolean {
    if (this.#brokers.has(brokerId)) return false;
    return this.removedDirectories.values().some((each) => each.brokerId === brokerId);
  }

  /** Brokers that came when there were topics already, and have not got their share of the replicas yet. */
  get newcomerIds(): ReadonlySet<number> {
    return this.#newcomerIds;
  }

  /** Topics by name. */
  get topics(): ReadonlyMap<string, TopicImage> {
    return this.#topics;
  }

  /** Configs by broker id, {@link clusterConfigsId} for the cluster's; only those that have some. */
  get brokerConfigs(): ReadonlyMap<number, ReadonlyMap<string, string>> {
    return this.#brokerConfigs;
  }

  /** The cluster's defaults of topics and brokers. */
  get clusterConfigs(): ReadonlyMap<string, string> {
    return this.configsOf(clusterConfigsId);
  }

  /** What was set for a broker alone. */
  configsOf(brokerId: number): ReadonlyMap<string, string> {
    return this.#brokerConfigs.get(brokerId) ?? noConfigs;
  }

  /** Puts back what an earlier image held, in the place of all there is. */
  restore(state: MetadataImageState): void {
    this.#clusterId = state.clusterId;
    this.#featureLevel = Math.max(state.featureLevel, featureLevelAtFormation);
    this.#brokers.clear();
    this.#topics.clear();
    this.#brokerConfigs.clear();
    this.#newcomerIds.clear();
    for (const id of state.newcomerIds ?? []) this.#newcomerIds.add(id);
    this.#nextGroupId = state.nextGroupId;
    this.#nextProducerId = state.nextProducerId;
    this.#moveThrottle = state.moveThrottle;
    for (const broker of state.brokers) this.#brokers.set(broker.brokerId, broker);
    for (const topic of state.topics) this.#topics.set(topic.name, topic);
    this.#removedDirectories.restore(state.removedDirectories);
    for (const [id, configs] of state.brokerConfigs ?? []) this.#brokerConfigs.set(id, configs);
  }

  /** Applies the command at `index` of the controller's log. */
  apply(command: MetadataCommand, index: number): ApplyOutcome {
    // Brokers of an older version pass it over, and all images are to be the same.
    if (commandLevels[command.kind] > this.#featureLevel) return refused("featureLevelUnsupported");
    switch (command.kind) {
      case "clusterFormed":
        if (this.#clusterId !== "") return refused("clusterFormedAlready");
        this.#clusterId = command.clusterId;
        return done;
      case "brokerRegistered":
        return this.#registerBroker(command, index);
      case "topicCreated":
        return this.#createTopic(command, index);
      case "topicDeleted":
        return this.#deleteTopic(command.topicId);
      case "producerIdsAllocated": {
        const firstProducerId = this.#nextProducerId;
        this.#nextProducerId += command.count;
        return { kind: "producerIds", firstProducerId };
      }
      case "brokerStateChanged":
        return this.#changeBroker(command, index);
      case "featureLevelRaised":
        return this.#raiseFeatureLevel(command.level);
      case "partitionsReassigned":
        return this.#reassign(command.assignments, (partition, { targetIds }) =>
          targetIds.length === 0
            ? cancelled(partition, index)
            : reassigned(partition, targetIds, index),
        );
      case "movesStarted":
        return this.#reassign(command.partitions, (partition) => started(partition, index));
      case "moveCompleted":
        return this.#reassign([command], (partition) => completed(partition, command.assignmentId));
      case "moveThrottleSet":
        this.#moveThrottle = command.bytesPerSecond;
        return done;
      case "topicConfigsAltered":
        return this.#alterTopic(command);
      case "brokerConfigsAltered":
        return this.#alterBroker(command);
      case "partitionsCreated":
        return this.#growTopic(command, index);
      case "newcomersSettled":
        for (const id of command.brokerIds) this.#newcomerIds.delete(id);
        return done;
    }
  }

  #registerBroker(
    { broker, replacedDirectoryId }: Extract<MetadataCommand, { kind: "brokerRegistered" }>,
    index: number,
  ): ApplyOutcome {
    const { brokerId, directoryId } = broker;
    if (this.removedDirectories.has(directoryId)) return refused("directoryRemoved");
    if (featureLevelFault(broker.featureLevels, this.#featureLevel) !== undefined) {
      return refused("featureLevelUnsupported");
    }
    const known = this.#brokers.get(brokerId);
    if (known !== undefined && ![directoryId, replacedDirectoryId].includes(known.directoryId)) {
      return refused("directoryMismatch");
    }
    // What an admin wants of a broker outlives its restarts, and its disk.
    const { duty } = known ?? newBrokerLife;
    const directoryIndex = known?.directoryId === directoryId ? known.directoryIndex : index;
    this.#brokers.set(brokerId, { ...broker, duty, fenced: false, directoryIndex });
    const isNewcomer = known === undefined && this.#topics.size > 0;
    if (isNewcomer && this.#featureLevel >= newcomersLevel) this.#newcomerIds.add(brokerId);
    return { kind: "brokerChanged", brokerId };
  }

  #changeBroker({ brokerId, directoryId, life }: BrokerLifeChange, index: number): ApplyOutcome {
    const broker = this.#brokers.get(brokerId);
    if (broker?.directoryId !== directoryId) return refused("brokerUnknown");
    if (life !== "removed") {
      this.#brokers.set(brokerId, { ...broker, ...life });
      return { kind: "brokerChanged", brokerId };
    }
    this.#brokers.delete(brokerId);
    this.#newcomerIds.delete(brokerId);
    const removed = { directoryId, brokerId, removedIndex: index };
    this.#removedDirectories.add(removed);
    const forgets = this.#featureLevel >= forgottenDirectoriesLevel;
    const forgottenIds = forgets ? this.#removedDirectories.forgetOldest() : [];
    return { kind: "brokerRemoved", broker, removed, forgottenIds };
  }

  /** A broker may have come since this was proposed that does not know the level. */
  #raiseFeatureLevel(level: number): ApplyOutcome {
    if (level <= this.#featureLevel) return refused("featureLevelKnown");
    if (level > commonFeatureLevel(this.#brokers.values())) {
      return refused("featureLevelUnsupported");
    }
    this.#featureLevel = level;
    return done;
  }

  #createTopic(
    command: Extract<MetadataCommand, { kind: "topicCreated" }>,
    index: number,
  ): ApplyOutcome {
    const { name, topicId, internal, configs } = command;
    if (this.#topics.has(name)) return refused("topicExists");
    const partitions = command.partitions.map((partition, number) =>
      this.#placePartition(partition, number, index),
    );
    const topic = { name, topicId, internal, configs, partitions, incarnation: index };
    this.#topics.set(name, topic);
    return { kind: "topicCreated", topic };
  }

  #placePartition(
    { replicaIds }: NewPartition,
    partition: number,
    incarnation: number,
  ): PartitionImage {
    const groupId = this.#nextGroupId;
    this.#nextGroupId += 1;
    return { partition, groupId, incarnation, ...firstAssignment(replicaIds) };
  }

  /** Partitions that are gone are passed over; answers those that changed. */
  #reassign<Named extends PartitionName>(
    named: readonly Named[],
    assign: (partition: PartitionImage, by: Named) => PartitionAssignment | undefined,
  ): ApplyOutcome {
    // A topic's partitions are copied once, however many of them change: there may be thousands.
    const copies = new Map<string, PartitionImage[]>();
    const changed: { readonly by: Named; readonly before: PartitionImage }[] = [];
    for (const by of named) {
      const known = copies.get(by.topic) ?? this.#topics.get(by.topic)?.partitions;
      const before = known?.[by.partition];
      if (known === undefined || before?.groupId !== by.groupId) continue;
      const assignment = assign(before, by);
      if (assignment === undefined || assignment === before) continue;
      const partitions = copies.get(by.topic) ?? [...known];
      partitions[by.partition] = { ...before, ...assignment };
      copies.set(by.topic, partitions);
      changed.push({ by, before });
    }
    for (const [name, partitions] of copies) {
      const topic = this.#topics.get(name);
      if (topic !== undefined) this.#topics.set(name, { ...topic, partitions });
    }
    const changes = changed.flatMap(({ before, by }): AssignmentChange[] => {
      const topic = this.#topics.get(by.topic);
      const partition = topic?.partitions[by.partition];
      return topic === undefined || partition === undefined ? [] : [{ topic, partition, before }];
    });
    if (changes.length > 0) return { kind: "partitionsReassigned", changes };
    return refused(named.length === 1 ? "moveSuperseded" : "partitionUnknown");
  }

  #deleteTopic(topicId: string): ApplyOutcome {
    const topic = this.#topicWithId(topicId);
    if (topic === undefined) return refused("topicUnknown");
    this.#topics.delete(topic.name);
    return { kind: "topicDeleted", topic };
  }

  #alterTopic(command: Extract<MetadataCommand, { kind: "topicConfigsAltered" }>): ApplyOutcome {
    const known = this.#topicWithId(command.topicId);
    if (known === undefined) return refused("topicUnknown");
    const topic = { ...known, configs: changedConfigs(known.configs, command) };
    this.#topics.set(topic.name, topic);
    return { kind: "topicConfigured", topic };
  }

  #alterBroker(command: Extract<MetadataCommand, { kind: "brokerConfigsAltered" }>): ApplyOutcome {
    const { brokerId } = command;
    const configs = changedConfigs(this.configsOf(brokerId), command);
    if (configs.size === 0) this.#brokerConfigs.delete(brokerId);
    else this.#brokerConfigs.set(brokerId, configs);
    return { kind: "brokerConfigured", brokerId };
  }

  #growTopic(
    command: Extract<MetadataCommand, { kind: "partitionsCreated" }>,
    index: number,
  ): ApplyOutcome {
    const known = this.#topicWithId(command.topicId);
    if (known === undefined) return refused("topicUnknown");
    const { length } = known.partitions;
    if (length !== command.partitionCount) return refused("partitionCountChanged");
    const added = command.partitions.map((partition, number) =>
      this.#placePartition(partition, length + number, index),
    );
    const topic = { ...known, partitions: [...known.partitions, ...added] };
    this.#topics.set(topic.name, topic);
    return { kind: "topicGrown", topic };
  }

  #topicWithId(topicId: string): TopicImage | undefined {
    return this.#topics.values().find((topic) => topic.topicId === topicId);
  }
}

function refused(reason: RefusalReason): ApplyOutcome {
  return { kind: "refused", reason };
}

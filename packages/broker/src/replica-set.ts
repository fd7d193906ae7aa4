import type { GroupKey, LogStore } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { Clock, KeyValueStore, Logger } from "@ropewalk/runtime";
import type { Checkpointer } from "./checkpointer.ts";
import type { BrokerLimits } from "./config.ts";
import {
  controllerGroupId,
  type MetadataImage,
  type PartitionImage,
  type TopicImage,
} from "./controller/metadata-image.ts";
import { topicConfig } from "./controller/topic-config.ts";
import { GroupPartitionCoordinator } from "./group/group-coordinator.ts";
import { GroupMachine } from "./group/group-machine.ts";
import { groupsTopic, type GroupRouter } from "./group/group-router.ts";
import type { LeaderTable } from "./leader-table.ts";
import { expectJoined } from "./joined.ts";
import { decodePartitionCheckpoint } from "./partition/partition-checkpoint.ts";
import { PartitionReplica } from "./partition/partition-replica.ts";
import type { PartitionDirectory, PartitionLog } from "./ports.ts";
import type { CommandProposer } from "./raft/command-proposer.ts";
import { RaftGroup } from "./raft/raft-group.ts";
import { openGroupLog } from "./raft/group-storage.ts";
import type { RaftHost } from "./raft/raft-host.ts";
import type { Leadership, StateMachine } from "./raft/state-machine.ts";

/** What the set needs. */
export interface ReplicaSetOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly store: LogStore;
  readonly state: KeyValueStore;
  readonly host: RaftHost;
  readonly checkpointer: Checkpointer;
  readonly proposer: CommandProposer;
  readonly groups: GroupRouter;
  readonly leaders: LeaderTable;
  readonly image: MetadataImage;
  /** Whether this broker is part of its cluster, so that what it does not know does not exist. */
  readonly isReady: () => boolean;
  /** This broker leads a group since a moment ago. */
  readonly leads: (groupId: number, term: number) => void;
}

interface Replica {
  readonly group: RaftGroup;
  readonly machine: StateMachine;
  /** `undefined` for the internal topic of the consumer groups, which is not read as records. */
  readonly partition: PartitionReplica | undefined;
  /** Where its checkpoint is kept; groups of an internal topic are never removed. */
  readonly checkpointKey: string | undefined;
}

/** The replicas on this broker: those that the cluster's metadata puts here. */
export class ReplicaSet implements PartitionDirectory {
  readonly #options: ReplicaSetOptions;
  readonly #replicas = new Map<number, Replica>();

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
  }

  /** Starts what the image puts here, and removes what it certainly does not (any more). */
  async start(): Promise<void> {
    const { image, store, logger } = this.#options;
    for (const topic of image.topics.values()) this.topicCreated(topic);
    for (const { key } of [...store.groups()]) {
      // Ids at or above the image's next one belong to topics that it has not heard of yet.
      const known = key.groupId === controllerGroupId || this.#replicas.has(key.groupId);
      if (known || key.groupId >= image.nextGroupId) continue;
      logger.info("removing the rest of a deleted partition", { groupId: key.groupId });
      await store.deleteGroup(key);
    }
  }

  topicCreated(topic: TopicImage): void {
    for (const partition of topic.partitions) {
      if (!partition.replicaIds.includes(this.#options.brokerId)) continue;
      if (!this.#replicas.has(partition.groupId)) this.#add(topic, partition);
    }
  }

  async topicDeleted(topic: TopicImage): Promise<void> {
    const { checkpointer, host, leaders, store } = this.#options;
    for (const { groupId } of topic.partitions) {
      leaders.forget(groupId);
      const replica = this.#replicas.get(groupId);
      if (replica === undefined) continue;
      this.#replicas.delete(groupId);
      host.remove(replica.group);
      const { checkpointKey } = replica;
      checkpointer.remove(replica.machine, checkpointKey === undefined ? [] : [checkpointKey]);
      await store.deleteGroup(replica.group.key);
    }
  }

  leader(topic: string, partition: number): PartitionLog {
    const { groupId } = this.#find(topic, partition);
    const replica = this.#replicas.get(groupId);
    if (replica?.partition !== undefined && replica.group.leadership.kind === "leading") {
      return replica.partition;
    }
    const leaderId = this.#options.leaders.get(groupId)?.leaderId ?? 0;
    const elsewhere = leaderId !== 0 && leaderId !== this.#options.brokerId;
    throw new RopewalkError(
      "NOT_LEADER",
      `Cannot serve ${topic}-${partition} here: ${elsewhere ? `its leader is broker ${leaderId}` : "no leader is known"}`,
      elsewhere ? { leaderId } : {},
    );
  }

  ledPartitions(topic: string): readonly PartitionLog[] {
    const led: PartitionLog[] = [];
    for (const { groupId } of this.#topic(topic).partitions) {
      const replica = this.#replicas.get(groupId);
      if (replica?.partition === undefined) continue;
      if (replica.group.leadership.kind === "leading") led.push(replica.partition);
    }
    return led;
  }

  /** Every group of a topic that has a replica here. */
  groups(): Iterable<RaftGroup> {
    return [...this.#replicas.values()].map(({ group }) => group);
  }

  /** Data partitions with a replica here. */
  partitions(): Iterable<PartitionReplica> {
    return [...this.#replicas.values()].flatMap(({ partition }) => partition ?? []);
  }

  #topic(name: string): TopicImage {
    const topic = this.#options.image.topics.get(name);
    if (topic !== undefined && name === groupsTopic) {
      // Clients see it in the metadata: "does not exist" would make them wait until it does.
      throw new RopewalkError(
        "INVALID_TOPIC",
        `Cannot reach records of topic ${name}: it is the cluster's own and has none`,
      );
    }
    if (topic !== undefined) return topic;
    expectJoined(this.#options);
    throw new RopewalkError(
      "UNKNOWN_TOPIC_OR_PARTITION",
      `Cannot find topic ${JSON.stringify(name)}: it does not exist`,
    );
  }

  #find(name: string, partition: number): PartitionImage {
    const { partitions } = this.#topic(name);
    const found = partitions[partition];
    if (found !== undefined) return found;
    throw new RopewalkError(
      "UNKNOWN_TOPIC_OR_PARTITION",
      `Cannot find partition ${partition} of topic ${name}: it has partitions 0 to ${partitions.length - 1}`,
    );
  }

  #add(topic: TopicImage, partition: PartitionImage): void {
    const { checkpointer, host, logger, store } = this.#options;
    const damage = store.group(groupKey(topic, partition))?.quarantined;
    if (damage !== undefined) {
      // Its log cannot be trusted, so it neither votes nor serves; the other replicas do.
      logger.error("a replica is damaged and stays out", {
        topic: topic.name,
        partition: partition.partition,
        error: damage,
      });
      return;
    }
    const replica =
      topic.name === groupsTopic
        ? this.#groupsReplica(topic, partition)
        : this.#dataReplica(topic, partition);
    this.#replicas.set(partition.groupId, replica);
    checkpointer.add(replica.machine);
    host.add(replica.group);
  }

  #dataReplica(topic: TopicImage, image: PartitionImage): Replica {
    const { clock, limits, state } = this.#options;
    const checkpointKey = `partition/${image.groupId}`;
    const bytes = state.get(checkpointKey);
    const partition = new PartitionReplica({
      topic: topic.name,
      partition: image.partition,
      clock,
      batchBytesMax: topicConfig(topic.configs, limits.batchBytesMax).batchBytesMax,
      checkpoint: bytes === undefined ? undefined : decodePartitionCheckpoint(bytes),
      checkpointKey,
      leadershipChanged: (_replica, leadership) => this.#leadershipChanged(image, leadership),
    });
    const group = this.#raftGroup(topic, image, partition);
    partition.attach(group);
    return { group, machine: partition, partition, checkpointKey };
  }

  #groupsReplica(topic: TopicImage, image: PartitionImage): Replica {
    const { clock, groups, limits, logger, proposer, state } = this.#options;
    const machine = new GroupMachine(image.groupId, state, logger, (_machine, leadership) => {
      coordinator.reset();
      this.#leadershipChanged(image, leadership);
    });
    const group = this.#raftGroup(topic, image, machine);
    const coordinator: GroupPartitionCoordinator = new GroupPartitionCoordinator({
      group,
      machine,
      propose: (action, command) => proposer.propose(group, action, command, () => undefined),
      clock,
      limits,
      partitionCounts: (topics) => this.#partitionCounts(topics),
    });
    groups.add(image.partition, coordinator);
    return { group, machine, partition: undefined, checkpointKey: undefined };
  }

  #raftGroup(topic: TopicImage, image: PartitionImage, machine: StateMachine): RaftGroup {
    const { brokerId, host, limits, logger, store } = this.#options;
    return new RaftGroup({
      brokerId,
      log: openGroupLog(store, groupKey(topic, image)),
      machine,
      voters: image.replicaIds,
      learners: [],
      limits,
      readFailed: (group, error) => {
        // What is stored is not what was written: the replica stays out, the others go on.
        logger.error("a replica cannot read its log and stays out", {
          topic: topic.name,
          partition: image.partition,
          error,
        });
        host.remove(group);
      },
    });
  }

  #leadershipChanged({ groupId }: PartitionImage, leadership: Leadership): void {
    const { brokerId, leaders, leads } = this.#options;
    leaders.follow(groupId, leadership, brokerId);
    if (leadership.kind === "leading") leads(groupId, leadership.term);
  }

  #partitionCounts(topics: readonly string[]): Map<string, number> {
    const counts = new Map<string, number>();
    for (const name of topics) {
      const topic = this.#options.image.topics.get(name);
      if (topic !== undefined) counts.set(name, topic.partitions.length);
    }
    return counts;
  }
}

function groupKey({ incarnation }: TopicImage, { groupId }: PartitionImage): GroupKey {
  return { groupId, incarnation };
}

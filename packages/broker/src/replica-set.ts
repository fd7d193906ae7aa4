import type { GroupKey, GroupLog, LogStore } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { Clock, KeyValueStore, Logger } from "@ropewalk/runtime";
import type { Snapshot } from "raft-ts";
import type { Checkpointer } from "./checkpointer.ts";
import type { BrokerLimits } from "./config.ts";
import {
  controllerGroupId,
  type MetadataImage,
  type PartitionImage,
  type TopicImage,
} from "./controller/metadata-image.ts";
import { type TopicConfig, topicConfig } from "./controller/topic-config.ts";
import { GroupPartitionCoordinator } from "./group/group-coordinator.ts";
import { GroupMachine } from "./group/group-machine.ts";
import { groupsTopic, type GroupRouter } from "./group/group-router.ts";
import type { LedPartition } from "./health/under-replication.ts";
import type { LeaderTable } from "./leader-table.ts";
import { expectJoined } from "./joined.ts";
import type { CompactedPartition } from "./partition/compaction-checker.ts";
import { decodePartitionCheckpoint } from "./partition/partition-checkpoint.ts";
import { FollowedPartition } from "./partition/followed-partition.ts";
import { PartitionReplica } from "./partition/partition-replica.ts";
import type { PartitionDirectory, PartitionLog, ReadablePartition } from "./ports.ts";
import type { CommandProposer } from "./raft/command-proposer.ts";
import type { HistoryKeeper } from "./raft/history-keeper.ts";
import { RaftGroup } from "./raft/raft-group.ts";
import { openGroupLog } from "./raft/group-storage.ts";
import type { RaftHost } from "./raft/raft-host.ts";
import { imageMarkKey } from "./raft/state-image.ts";
import type { Leadership, StateMachine } from "./raft/state-machine.ts";
import type { AbsentReplica, ReplicaHome } from "./snapshot/replica-home.ts";

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
  readonly history: HistoryKeeper;
  readonly proposer: CommandProposer;
  readonly groups: GroupRouter;
  readonly leaders: LeaderTable;
  readonly image: MetadataImage;
  /** Whether a broker was heard of lately. */
  readonly isAlive: (brokerId: number) => boolean;
  /** Whether this broker is part of its cluster, so that what it does not know does not exist. */
  readonly isReady: () => boolean;
  /** The last entry of the metadata's log when this process opened it. */
  readonly metadataIndexAtStart: number;
  /** A replica needs what the log of its leader here does not hold any more. */
  readonly snapshotWanted: (group: RaftGroup) => Snapshot | "unavailable";
  /** A replica is out, for its log is damaged: to be put back once it is whole. */
  readonly repair: (absent: AbsentReplica) => void;
  /** This broker leads a group since a moment ago. */
  readonly leads: (groupId: number, term: number) => void;
}

interface Replica {
  readonly topic: TopicImage;
  readonly image: PartitionImage;
  readonly group: RaftGroup;
  readonly machine: StateMachine;
  /** `undefined` for the internal topic of the consumer groups, which is not read as records. */
  readonly partition: PartitionReplica | undefined;
  /** Where its checkpoint is kept; groups of an internal topic are never removed. */
  readonly checkpointKey: string | undefined;
}

/** The replicas on this broker: those that the cluster's metadata puts here. */
export class ReplicaSet implements PartitionDirectory, ReplicaHome {
  readonly #options: ReplicaSetOptions;
  readonly #replicas = new Map<number, Replica>();
  /** Those that are out of Raft: damaged, or being rebuilt. */
  readonly #absent = new Map<number, AbsentReplica>();

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
  }

  /** Starts what the image puts here, and removes what it certainly does not (any more). */
  async start(): Promise<void> {
    const { image, store, logger } = this.#options;
    const topics = [...image.topics.values()];
    for (const topic of topics) this.topicCreated(topic);
    const wanted = new Set(topics.flatMap((t) => t.partitions.map(({ groupId }) => groupId)));
    for (const { key, quarantined } of [...store.groups()]) {
      // Only the metadata's word removes a log, never that a replica could not be started. Ids at or above
      // the image's next one belong to topics that it has not heard of yet.
      const isKept = key.groupId === controllerGroupId || wanted.has(key.groupId);
      if (isKept || quarantined !== undefined || key.groupId >= image.nextGroupId) continue;
      logger.info("removing the rest of a deleted partition", { groupId: key.groupId });
      await store.deleteGroup(key);
    }
  }

  /** Starts the partitions of a new or grown topic that the image puts here and that are not here yet. */
  topicCreated(topic: TopicImage): void {
    for (const partition of topic.partitions) {
      if (!partition.replicaIds.includes(this.#options.brokerId)) continue;
      const isHere = this.#replicas.has(partition.groupId) || this.#absent.has(partition.groupId);
      if (!isHere) this.#add(topic, partition);
    }
  }

  /** The topic's configs changed: its replicas here follow at once. */
  topicConfigured({ partitions }: TopicImage): void {
    for (const { groupId } of partitions) {
      const replica = this.#replicas.get(groupId);
      if (replica !== undefined) this.#configure(replica);
    }
  }

  /** The cluster's defaults changed. */
  defaultsConfigured(): void {
    for (const replica of this.#replicas.values()) this.#configure(replica);
  }

  async topicDeleted(topic: TopicImage): Promise<void> {
    const { checkpointer, leaders, store } = this.#options;
    const removed: GroupKey[] = [];
    for (const partition of topic.partitions) {
      const { groupId } = partition;
      leaders.forget(groupId);
      const replica = this.#replicas.get(groupId);
      if (replica === undefined && !this.#absent.delete(groupId)) continue;
      const key = groupKey(partition);
      removed.push(key);
      const { checkpointKey = partitionKey(groupId), machine } = replica ?? {};
      if (replica !== undefined) this.#remove(replica);
      checkpointer.remove(machine, [checkpointKey, imageMarkKey(key)]);
    }
    // The metadata without the topic must be there before the tombstones: a start in between would find
    // the topic, and logs that are deleted for ever.
    // Where it cannot be written, the next start removes the logs.
    if (!(await checkpointer.flushSurely())) return;
    for (const key of removed) await store.deleteGroup(key);
  }

  takeOut(group: RaftGroup): AbsentReplica | undefined {
    const replica = this.#replicas.get(group.key.groupId);
    if (replica?.group !== group) return undefined;
    this.#remove(replica);
    this.#options.checkpointer.remove(replica.machine, []);
    return this.#addAbsent(replica.topic, replica.image, group.log, this.#settled());
  }

  damaged(group: RaftGroup, error: unknown): void {
    const replica = this.#replicas.get(group.key.groupId);
    // A lone replica goes on with what can still be read.
    if (replica?.group !== group || replica.image.replicaIds.length === 1) return;
    this.#stayOut(replica.topic, replica.image, error);
    const absent = this.takeOut(group);
    if (absent !== undefined) this.#options.repair(absent);
  }

  /** Stored bytes of a group that nobody had asked for are not what was written. */
  logDamaged({ groupId }: GroupKey, error: unknown): void {
    const replica = this.#replicas.get(groupId);
    if (replica !== undefined) this.damaged(replica.group, error);
  }

  /** Replicas that are out of Raft: damaged, or being rebuilt. */
  get absentCount(): number {
    return this.#absent.size;
  }

  leader(topic: string, partition: number): PartitionLog {
    const { groupId } = this.#find(topic, partition);
    const replica = this.#replicas.get(groupId);
    if (replica?.partition !== undefined && replica.group.leadership.kind === "leading") {
      return replica.partition;
    }
    throw this.#notHere(topic, partition, groupId);
  }

  replica(topic: string, partition: number): ReadablePartition {
    const { groupId } = this.#find(topic, partition);
    const replica = this.#replicas.get(groupId);
    if (replica?.partition !== undefined) return new FollowedPartition(replica.partition);
    throw this.#notHere(topic, partition, groupId);
  }

  #notHere(topic: string, partition: number, groupId: number): RopewalkError {
    const leaderId = this.#options.leaders.get(groupId)?.leaderId ?? 0;
    const elsewhere = leaderId !== 0 && leaderId !== this.#options.brokerId;
    return new RopewalkError(
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

  /** Data partitions with a replica here whose topics are compacted. */
  *compactedPartitions(): Iterable<CompactedPartition> {
    for (const { group, machine, partition } of this.#replicas.values()) {
      if (partition === undefined || !partition.config.cleanup.compact) continue;
      const { config, name } = partition;
      yield { group, machine, name, config, highWatermark: () => partition.highWatermark() };
    }
  }

  /** Every group of a topic that has a replica here. */
  groups(): Iterable<RaftGroup> {
    return [...this.#replicas.values()].map(({ group }) => group);
  }

  /** What this broker leads, and how far its other replicas are. */
  *led(): Iterable<LedPartition> {
    for (const { group, image, topic } of this.#replicas.values()) {
      const progress = group.progress(this.#options.isAlive);
      if (progress === undefined) continue;
      yield { topic: topic.name, partition: image.partition, ...progress };
    }
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
    const { checkpointer, host, store } = this.#options;
    const key = groupKey(partition);
    if (store.wasDeleted(key)) return; // An old topic, gone through again: its deletion follows.
    // The metadata's log reached this broker up to here when it started, and no further: a partition that was
    // created behind that cannot have had a replica here that damage hides.
    const isNew = partition.incarnation > this.#options.metadataIndexAtStart;
    const log = openGroupLog(store, key, isNew);
    if (log.quarantined !== undefined) {
      // Its log cannot be trusted, so it neither votes nor serves; the other replicas do.
      this.#stayOut(topic, partition, log.quarantined);
      this.#options.repair(this.#addAbsent(topic, partition, log, Promise.resolve()));
      return;
    }
    try {
      const replica =
        topic.name === groupsTopic
          ? this.#groupsReplica(topic, partition, log)
          : this.#dataReplica(topic, partition, log);
      this.#replicas.set(partition.groupId, replica);
      checkpointer.add(replica.machine);
      host.add(replica.group);
    } catch (error) {
      if (!(error instanceof RopewalkError)) throw error;
      // What was applied and what the log has do not fit together: something of either was lost.
      this.#stayOut(topic, partition, error);
      if (partition.replicaIds.length === 1) return;
      this.#options.repair(this.#addAbsent(topic, partition, log, Promise.resolve()));
    }
  }

  /** Takes a replica out of everything that it takes part in. */
  #remove({ group, image }: Replica): void {
    const { history, host } = this.#options;
    this.#replicas.delete(image.groupId);
    host.remove(group);
    history.remove(group);
  }

  #addAbsent(
    topic: TopicImage,
    partition: PartitionImage,
    log: GroupLog,
    settled: Promise<void>,
  ): AbsentReplica {
    const { groupId, replicaIds } = partition;
    const isGone = (): boolean => this.#absent.get(groupId) !== absent;
    const reopen = (): void => {
      if (isGone()) return;
      this.#absent.delete(groupId);
      this.#add(topic, partition);
    };
    const absent: AbsentReplica = { key: log.key, log, replicaIds, settled, isGone, reopen };
    this.#absent.set(groupId, absent);
    return absent;
  }

  /** What is on its way to the disk for replicas that were just removed is there, or never will be. */
  async #settled(): Promise<void> {
    const { checkpointer, history, host } = this.#options;
    await host.settled();
    await history.settled();
    await checkpointer.flush();
  }

  #stayOut(topic: TopicImage, { partition }: PartitionImage, error: unknown): void {
    const where = { topic: topic.name, partition };
    this.#options.logger.error("a replica is damaged and stays out", { ...where, error });
  }

  #dataReplica(topic: TopicImage, image: PartitionImage, log: GroupLog): Replica {
    const { clock, history, logger, state, store } = this.#options;
    const config = this.#configOf(topic);
    configureLog(store, log, config);
    const checkpointKey = partitionKey(image.groupId);
    const bytes = state.get(checkpointKey);
    const partition = new PartitionReplica({
      topic: topic.name,
      partition: image.partition,
      clock,
      logger,
      config,
      checkpoint: bytes === undefined ? undefined : decodePartitionCheckpoint(bytes),
      checkpointKey,
      segments: () => log.segments(),
      historyCut: (startOffset) => history.startMoved({ group, machine: partition }, startOffset),
      isDiskFull: () => store.isFull,
      damaged: (error) => {
        if (image.replicaIds.length > 1) this.damaged(group, error);
        else this.#stayOut(topic, image, error);
      },
      leadershipChanged: (_replica, leadership) => this.#leadershipChanged(image, leadership),
    });
    const group: RaftGroup = this.#raftGroup(topic, image, partition, log);
    partition.attach(group);
    return { topic, image, group, machine: partition, partition, checkpointKey };
  }

  #configure({ group, partition, topic }: Replica): void {
    if (partition === undefined) return;
    const config = this.#configOf(topic);
    partition.configure(config);
    configureLog(this.#options.store, group.log, config);
  }

  /** What the metadata says now: a replica may know its topic as it was when it was added. */
  #configOf(topic: TopicImage): TopicConfig {
    const { image, limits } = this.#options;
    const known = image.topics.get(topic.name);
    const current = known?.topicId === topic.topicId ? known : topic;
    return topicConfig(current, limits.batchBytesMax, image.clusterConfigs);
  }

  #groupsReplica(topic: TopicImage, image: PartitionImage, log: GroupLog): Replica {
    const { clock, groups, history, limits, logger, proposer, state, store } = this.#options;
    const machine = new GroupMachine(image.groupId, state, logger, (_machine, leadership) => {
      coordinator.reset();
      this.#leadershipChanged(image, leadership);
    });
    const group = this.#raftGroup(topic, image, machine, log);
    const coordinator: GroupPartitionCoordinator = new GroupPartitionCoordinator({
      group,
      machine,
      propose: (action, command) =>
        store.isReserveLow
          ? Promise.reject(diskFull(action))
          : proposer.propose(group, action, command, () => machine.lastOutcome),
      clock,
      limits,
      partitionCounts: (topics) => this.#partitionCounts(topics),
      topicId: (name) => this.#options.image.topics.get(name)?.topicId,
    });
    groups.add(image.partition, coordinator);
    history.addInternal({ group, machine });
    return { topic, image, group, machine, partition: undefined, checkpointKey: undefined };
  }

  #raftGroup(
    topic: TopicImage,
    image: PartitionImage,
    machine: StateMachine,
    log: GroupLog,
  ): RaftGroup {
    const { brokerId, clock, host, limits, logger } = this.#options;
    return new RaftGroup({
      brokerId,
      clock,
      logger,
      log,
      machine,
      voters: image.replicaIds,
      learners: [],
      limits,
      damaged: (group, error) => {
        // What is stored is not what was written: the replica stays out, the others go on.
        if (image.replicaIds.length > 1) this.damaged(group, error);
        else {
          this.#stayOut(topic, image, error);
          host.remove(group);
        }
      },
      snapshotWanted: this.#options.snapshotWanted,
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

/** Where a data partition keeps its state beside the log. */
function partitionKey(groupId: number): string {
  return `partition/${groupId}`;
}

function diskFull(action: string): RopewalkError {
  return new RopewalkError("BUSY", `Cannot ${action}: the disk of its coordinator is full`);
}

function groupKey({ groupId, incarnation }: PartitionImage): GroupKey {
  return { groupId, incarnation };
}

function configureLog(store: LogStore, log: GroupLog, config: TopicConfig): void {
  const { segmentBytesMax, segmentMs } = config;
  store.configure(log, { segmentBytesMax, segmentMsMax: segmentMs });
}

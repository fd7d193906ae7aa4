import type { GroupKey, GroupLog } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import { AbsentReplicas, currentPartition } from "./absent-replicas.ts";
import type { Checkpointer } from "../checkpointer.ts";
import type { AssignmentChange, PartitionImage, TopicImage } from "../controller/metadata-image.ts";
import { holdersOf, isLone, joinedAt } from "../controller/partition-assignment.ts";
import { TopicConfigCache } from "../controller/topic-config-cache.ts";
import { groupsTopic } from "../group/group-router.ts";
import type { LedPartition } from "../health/under-replication.ts";
import type { CompactedPartition } from "../partition/compaction-checker.ts";
import { FollowedPartition } from "../partition/followed-partition.ts";
import type { PartitionReplica } from "../partition/partition-replica.ts";
import type { PartitionDirectory, PartitionLog, ReadablePartition } from "../ports.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import { openGroupLog } from "../raft/group-storage.ts";
import { ReadableTopics } from "../admin/readable-topics.ts";
import { type Replica, ReplicaFactory, type ReplicaFactoryOptions } from "./replica-factory.ts";
import { logKey } from "./replica-key.ts";
import { ReplicaRemoval } from "./replica-removal.ts";
import type { AbsentReplica, ReplicaHome } from "../snapshot/replica-home.ts";

/** What the set needs. */
export interface ReplicaSetOptions extends ReplicaFactoryOptions {
  readonly checkpointer: Checkpointer;
  /** Whether a broker was heard of lately. */
  readonly isAlive: (brokerId: number) => boolean;
  /** Whether this broker is part of its cluster, so that what it does not know does not exist. */
  readonly isReady: () => boolean;
  /** Up to this entry of the metadata's log it may have told of replicas here that the store has lost. */
  readonly unknownThroughIndex: () => number;
  /** The entry of the metadata's log that the image is as of. */
  readonly metadataIndex: () => number;
  /** A replica is out, for its log is damaged: to be put back once it is whole. */
  readonly repair: (absent: AbsentReplica) => void;
}

/** The replicas on this broker: those that the cluster's metadata puts here. */
export class ReplicaSet implements PartitionDirectory, ReplicaHome {
  readonly #options: ReplicaSetOptions;
  readonly #replicas = new Map<number, Replica>();
  /** Those that are out of Raft: damaged, or being rebuilt. */
  readonly #absent: AbsentReplicas;
  readonly #removal: ReplicaRemoval;
  readonly #readable: ReadableTopics;
  readonly #factory: ReplicaFactory;
  /** Groups whose replica here is being deleted. */
  readonly #leaving = new Set<number>();

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
    this.#removal = new ReplicaRemoval(options);
    this.#readable = new ReadableTopics(options);
    const configs = new TopicConfigCache(options.image, options.limits.batchBytesMax);
    this.#factory = new ReplicaFactory(options, {
      imageOf: (groupId) => this.#replicas.get(groupId)?.image,
      configOf: (topic) => configs.configOf(topic),
      damaged: (group, topic, image, error) => this.#foundDamaged(group, topic, image, error),
    });
    this.#absent = new AbsentReplicas(options.image, (topic, partition) => {
      this.#addIfHeld(topic, partition);
    });
  }

  /**
   * Starts what the image puts here, and begins to remove what it certainly does not (any more): that may take long, as on a
   * full disk.
   */
  start(): void {
    this.#removeStale().catch((error: unknown) => {
      this.#options.logger.error("the rest of old replicas could not be removed", { error });
    });
    this.#addAll();
  }

  #addAll(): void {
    for (const topic of this.#options.image.topics.values()) this.topicCreated(topic);
  }

  async #removeStale(): Promise<void> {
    const leaving = new Set<number>();
    const isFree = (groupId: number): boolean =>
      leaving.has(groupId) || !this.#leaving.has(groupId);
    const next = (): GroupKey[] =>
      this.#removal.stale(this.#wanted()).filter(({ groupId }) => isFree(groupId));
    // The metadata goes on meanwhile, and may take away what it wanted.
    for (let stale = next(); stale.length > 0; stale = next()) {
      for (const { groupId } of stale) {
        leaving.add(groupId);
        this.#leaving.add(groupId);
      }
      if (!(await this.#removal.removeStale(stale))) return;
    }
    for (const groupId of leaving) this.#leaving.delete(groupId);
    if (leaving.size > 0) this.#addAll();
  }

  /** The logs of all replicas that the image puts here, by group. */
  #wanted(): Map<number, GroupKey> {
    const { brokerId, image } = this.#options;
    const wanted = new Map<number, GroupKey>();
    for (const { partitions } of image.topics.values()) {
      for (const partition of partitions) {
        if (!holdersOf(partition).includes(brokerId)) continue;
        wanted.set(partition.groupId, logKey(partition, brokerId));
      }
    }
    return wanted;
  }

  /** Starts the partitions of a new or grown topic that the image puts here and that are not here yet. */
  topicCreated(topic: TopicImage): void {
    for (const partition of topic.partitions) this.#addIfHeld(topic, partition);
  }

  /** The topic's configs changed: its replicas here follow at once. */
  topicConfigured({ partitions }: TopicImage): void {
    for (const { groupId } of partitions) {
      const replica = this.#replicas.get(groupId);
      if (replica !== undefined) this.#factory.configure(replica);
    }
  }

  /** The cluster's defaults changed. */
  defaultsConfigured(): void {
    for (const replica of this.#replicas.values()) this.#factory.configure(replica);
  }

  async topicDeleted(topic: TopicImage): Promise<void> {
    const removed: GroupKey[] = [];
    for (const { groupId } of topic.partitions) {
      this.#options.leaders.forget(groupId);
      removed.push(...this.#removeForGood(groupId));
    }
    await this.#removal.deleteLogs(removed);
  }

  /** The metadata wants other replicas of a partition: this broker gets one, or loses its own, or neither. */
  async reassigned({ partition, topic }: AssignmentChange): Promise<void> {
    const { groupId } = partition;
    if (holdersOf(partition).includes(this.#options.brokerId)) {
      const replica = this.#replicas.get(groupId);
      if (replica !== undefined) this.#follow(replica, topic, partition);
      else this.#addIfHeld(topic, partition);
    } else if (!this.#leaving.has(groupId)) {
      this.#leaving.add(groupId);
      await this.#removal
        .deleteLogs(this.#removeForGood(groupId))
        .finally(() => this.#leaving.delete(groupId));
      // It may be back by now, as another replica.
      const current = currentPartition(this.#options.image, topic.name, groupId);
      if (current !== undefined) this.#addIfHeld(current.topic, current.partition);
    }
    this.#options.membersMayChange(groupId);
  }

  /** A member that left and came back has nothing of what it acknowledged before. */
  #follow(replica: Replica, topic: TopicImage, image: PartitionImage): void {
    this.#replicas.set(image.groupId, { ...replica, topic, image });
    for (const [id, index] of image.joined) {
      if (joinedAt(replica.image, id) !== index) replica.group.memberReplaced(id, index);
    }
  }

  logOf({ groupId }: GroupKey): GroupLog | undefined {
    return this.#replicas.get(groupId)?.group.log ?? this.#absent.get(groupId)?.log;
  }

  /** A replica that takes part in Raft. */
  replicaOf(groupId: number): Replica | undefined {
    return this.#replicas.get(groupId);
  }

  /** The partition of a replica here, whether that takes part in Raft or not. */
  imageOf(groupId: number): PartitionImage | undefined {
    return this.#replicas.get(groupId)?.image ?? this.#absent.imageOf(groupId);
  }

  /** Replicas of topics that take part in Raft. */
  replicas(): Iterable<Replica> {
    return this.#replicas.values();
  }

  #addIfHeld(topic: TopicImage, partition: PartitionImage): void {
    const { groupId } = partition;
    if (!holdersOf(partition).includes(this.#options.brokerId)) return;
    const isHere = this.#replicas.has(groupId) || this.#absent.has(groupId);
    // Where one is leaving, the metadata may go on meanwhile: who is to be here then is seen when it has gone.
    if (!isHere && !this.#leaving.has(groupId)) this.#add(topic, partition);
  }

  /** Takes a replica out for good; answers the names of the logs that are to be deleted. */
  #removeForGood(groupId: number): GroupKey[] {
    const { checkpointer } = this.#options;
    const replica = this.#replicas.get(groupId);
    const log = replica?.group.log ?? this.#absent.get(groupId)?.log;
    this.#absent.forget(groupId);
    if (log === undefined) return [];
    const keys = this.#removal.keptKeys(log.key);
    if (replica !== undefined) {
      this.#remove(replica);
      keys.push(...replica.machine.takeImage().pairs.map(([key]) => key));
    }
    checkpointer.remove(replica?.machine, keys);
    return [log.key];
  }

  takeOut(group: RaftGroup): AbsentReplica | undefined {
    const replica = this.#replicas.get(group.key.groupId);
    if (replica?.group !== group) return undefined;
    this.#remove(replica);
    this.#options.checkpointer.remove(replica.machine, []);
    return this.#absent.add(replica.topic, replica.image, group.log, this.#settled());
  }

  damaged(group: RaftGroup, error: unknown): void {
    const replica = this.#replicas.get(group.key.groupId);
    // A lone replica goes on with what can still be read.
    if (replica?.group !== group || isLone(replica.image)) return;
    this.#stayOut(replica.topic, replica.image, error);
    const absent = this.takeOut(group);
    if (absent !== undefined) this.#options.repair(absent);
  }

  /** What is stored of a replica is not what was written. */
  #foundDamaged(
    group: RaftGroup,
    topic: TopicImage,
    image: PartitionImage,
    error: unknown,
  ): "takenOut" | "lone" {
    if (isLone(this.#replicas.get(image.groupId)?.image ?? image)) {
      this.#stayOut(topic, image, error);
      return "lone";
    }
    this.damaged(group, error);
    return "takenOut";
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
    const { groupId } = this.#readable.partition(topic, partition);
    const replica = this.#replicas.get(groupId);
    if (replica?.partition !== undefined && replica.group.leadership.kind === "leading") {
      return replica.partition;
    }
    throw this.#notHere(topic, partition, groupId);
  }

  replica(topic: string, partition: number): ReadablePartition {
    const { groupId } = this.#readable.partition(topic, partition);
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
    for (const { groupId } of this.#readable.topic(topic).partitions) {
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

  #add(topic: TopicImage, partition: PartitionImage): void {
    const { brokerId, checkpointer, host, store } = this.#options;
    const key = logKey(partition, brokerId);
    if (store.wasDeleted(key)) return; // An old replica, gone through again: its deletion follows.
    // A replica that came behind that cannot have been here in a way that damage, or another disk, hides.
    const isNew = key.incarnation > this.#options.unknownThroughIndex();
    const log = openGroupLog(store, key, isNew);
    if (log.quarantined !== undefined) {
      // Its log cannot be trusted, so it neither votes nor serves; the other replicas do.
      this.#stayOut(topic, partition, log.quarantined);
      this.#options.repair(this.#absent.add(topic, partition, log, Promise.resolve()));
      return;
    }
    try {
      const replica =
        topic.name === groupsTopic
          ? this.#factory.groupsReplica(topic, partition, log)
          : this.#factory.dataReplica(topic, partition, log);
      this.#replicas.set(partition.groupId, replica);
      checkpointer.add(replica.machine);
      host.add(replica.group);
    } catch (error) {
      if (!(error instanceof RopewalkError)) throw error;
      // What was applied and what the log has do not fit together: something of either was lost.
      this.#stayOut(topic, partition, error);
      if (isLone(partition)) return;
      this.#options.repair(this.#absent.add(topic, partition, log, Promise.resolve()));
    }
  }

  /** Takes a replica out of everything that it takes part in. */
  #remove({ group, image, partition }: Replica): void {
    const { groups, history, host } = this.#options;
    this.#replicas.delete(image.groupId);
    if (partition === undefined) groups.remove(image.partition);
    host.remove(group);
    history.remove(group);
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
}

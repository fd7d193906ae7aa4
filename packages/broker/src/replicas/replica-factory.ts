import type { GroupLog, LogStore } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { Clock, KeyValueStore, Logger } from "@ropewalk/runtime";
import type { Snapshot } from "raft-ts";
import type { BrokerLimits } from "../config.ts";
import type { MetadataImage, PartitionImage, TopicImage } from "../controller/metadata-image.ts";
import { joinedAt } from "../controller/partition-assignment.ts";
import type { TopicConfig } from "../controller/topic-config.ts";
import { GroupPartitionCoordinator } from "../group/group-coordinator.ts";
import { GroupMachine } from "../group/group-machine.ts";
import type { GroupRouter } from "../group/group-router.ts";
import type { LeaderTable } from "../leadership/leader-table.ts";
import { decodePartitionCheckpoint } from "../partition/partition-checkpoint.ts";
import { PartitionReplica } from "../partition/partition-replica.ts";
import type { CommandProposer } from "../raft/command-proposer.ts";
import type { HistoryKeeper } from "../raft/history-keeper.ts";
import { RaftGroup } from "../raft/raft-group.ts";
import type { RaftHost } from "../raft/raft-host.ts";
import { firstMembers, MemberedMachine, membersKey } from "../raft/member-record.ts";
import type { Leadership, StateMachine } from "../raft/state-machine.ts";
import { Turns } from "../turns.ts";
import { groupKey } from "./replica-key.ts";
import { partitionKey } from "./replica-removal.ts";

/** A replica on this broker that takes part in Raft. */
export interface Replica {
  readonly topic: TopicImage;
  readonly image: PartitionImage;
  readonly group: RaftGroup;
  readonly machine: StateMachine;
  /** `undefined` for the internal topic of the consumer groups, which is not read as records. */
  readonly partition: PartitionReplica | undefined;
}

/** What replicas are made with. */
export interface ReplicaFactoryOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly store: LogStore;
  readonly state: KeyValueStore;
  readonly host: RaftHost;
  readonly history: HistoryKeeper;
  readonly proposer: CommandProposer;
  readonly groups: GroupRouter;
  readonly leaders: LeaderTable;
  readonly image: MetadataImage;
  /** A replica needs what the log of its leader here does not hold any more. */
  readonly snapshotWanted: (group: RaftGroup) => Snapshot | "unavailable";
  /** This broker leads a group since a moment ago. */
  readonly leads: (groupId: number, term: number) => void;
  /** Whether so many bytes may be sent to a replica that comes. */
  readonly admitToLearner: (bytes: number) => boolean;
  /** The members of a group, or what they are to be, may have changed, or who leads it. */
  readonly membersMayChange: (groupId: number) => void;
}

/** What a replica asks and tells those that keep it. */
export interface ReplicaHooks {
  /** The partition of a replica here, as it is by now. */
  readonly imageOf: (groupId: number) => PartitionImage | undefined;
  readonly configOf: (topic: TopicImage) => TopicConfig;
  /** What is stored of a replica is not what was written. Answers what becomes of it: a lone one stays where it is. */
  readonly damaged: (
    group: RaftGroup,
    topic: TopicImage,
    image: PartitionImage,
    error: unknown,
  ) => "takenOut" | "lone";
}

/** Makes replicas: the Raft group of a partition, the machine that its entries are applied to, and what serves it. */
export class ReplicaFactory {
  readonly #options: ReplicaFactoryOptions;
  readonly #hooks: ReplicaHooks;
  /** Pages that are read for all replicas. */
  readonly #reads: Turns;

  constructor(options: ReplicaFactoryOptions, hooks: ReplicaHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#reads = new Turns(options.limits.pageReadsMax);
  }

  /** A replica of a partition that holds records. */
  dataReplica(topic: TopicImage, image: PartitionImage, log: GroupLog): Replica {
    const { clock, history, limits, logger, state, store } = this.#options;
    const config = this.#hooks.configOf(topic);
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
      entriesPerCheckpoint: limits.entriesPerCheckpoint,
      segments: () => log.segments(),
      historyCut: (startOffset) => history.startMoved({ group, machine }, startOffset),
      isDiskFull: () => store.isFull,
      damaged: (error) => void this.#hooks.damaged(group, topic, image, error),
      leadershipChanged: (_replica, leadership) => this.#leadershipChanged(image, leadership),
    });
    const machine = this.#membered(image, partition);
    const group: RaftGroup = this.#raftGroup(topic, image, machine, log);
    partition.attach(group);
    return { topic, image, group, machine, partition };
  }

  /** A replica of the internal topic of the consumer groups. */
  groupsReplica(topic: TopicImage, image: PartitionImage, log: GroupLog): Replica {
    const { clock, groups, history, limits, logger, proposer, state, store } = this.#options;
    const groupMachine = new GroupMachine(image.groupId, state, logger, (_machine, leadership) => {
      coordinator.reset();
      this.#leadershipChanged(image, leadership);
    });
    const machine = this.#membered(image, groupMachine);
    const group = this.#raftGroup(topic, image, machine, log);
    const coordinator: GroupPartitionCoordinator = new GroupPartitionCoordinator({
      group,
      machine: groupMachine,
      propose: (action, command) =>
        store.isReserveLow
          ? Promise.reject(diskFull(action))
          : proposer.propose(group, action, command, () => groupMachine.lastOutcome),
      clock,
      limits,
      partitionCounts: (topics) => this.#partitionCounts(topics),
      topicId: (name) => this.#options.image.topics.get(name)?.topicId,
    });
    groups.add(image.partition, coordinator);
    history.addInternal({ group, machine });
    return { topic, image, group, machine, partition: undefined };
  }

  /** The configs of its topic, or their defaults, may be other ones. */
  configure({ group, partition, topic }: Replica): void {
    if (partition === undefined) return;
    const config = this.#hooks.configOf(topic);
    partition.configure(config);
    configureLog(this.#options.store, group.log, config);
  }

  #membered({ bornIds, groupId }: PartitionImage, machine: StateMachine): MemberedMachine {
    const kept = this.#options.state.get(membersKey(groupId));
    return new MemberedMachine(machine, groupId, firstMembers(bornIds), kept);
  }

  #raftGroup(
    topic: TopicImage,
    image: PartitionImage,
    machine: MemberedMachine,
    log: GroupLog,
  ): RaftGroup {
    const { admitToLearner, brokerId, clock, host, limits, logger } = this.#options;
    return new RaftGroup({
      key: groupKey(image),
      brokerId,
      clock,
      logger,
      log,
      machine,
      voters: [],
      learners: [],
      membership: {
        record: machine,
        isPreferred: () => this.#hooks.imageOf(image.groupId)?.replicaIds[0] === brokerId,
        joinedAt: joinedAt(image, brokerId),
        joinedAtOf: (id) => joinedAt(this.#hooks.imageOf(image.groupId) ?? image, id),
        admitToLearner,
        changed: () => this.#options.membersMayChange(image.groupId),
      },
      limits,
      reads: this.#reads,
      damaged: (group, error) => {
        // What is stored is not what was written: the replica stays out, the others go on.
        if (this.#hooks.damaged(group, topic, image, error) === "lone") host.remove(group);
      },
      snapshotWanted: this.#options.snapshotWanted,
    });
  }

  #leadershipChanged({ groupId }: PartitionImage, leadership: Leadership): void {
    const { brokerId, leaders, leads } = this.#options;
    leaders.follow(groupId, leadership, brokerId);
    if (leadership.kind !== "leading") return;
    leads(groupId, leadership.term);
    this.#options.membersMayChange(groupId);
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

function diskFull(action: string): RopewalkError {
  return new RopewalkError("BUSY", `Cannot ${action}: the disk of its coordinator is full`);
}

function configureLog(store: LogStore, log: GroupLog, config: TopicConfig): void {
  const { segmentBytesMax, segmentMs } = config;
  store.configure(log, { segmentBytesMax, segmentMsMax: segmentMs });
}

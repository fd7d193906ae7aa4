import { peerService, RopewalkError } from "@ropewalk/protocol";
import type { Address, Logger, Runtime } from "@ropewalk/runtime";
import type { BrokerStorage } from "./broker-storage.ts";
import { Checkpointer } from "./checkpointer.ts";
import type { BrokerConfig, BrokerLimits } from "./config.ts";
import { answerConfigCalls, ForwardedConfigs } from "./config-admin.ts";
import { compactionCheckName, retentionCheckName } from "./configs/broker-config-schema.ts";
import { brokerNumber } from "./configs/resource-configs.ts";
import { ConfigController } from "./controller/config-controller.ts";
import { Controller } from "./controller/controller.ts";
import { ControllerClient } from "./controller/controller-client.ts";
import { ControllerMachine } from "./controller/controller-machine.ts";
import { controllerVoters } from "./controller/controller-voters.ts";
import { registrationOf, topicMessage } from "./controller/metadata-codec.ts";
import {
  type ApplyOutcome,
  clusterConfigsId,
  controllerGroupId,
  type TopicImage,
} from "./controller/metadata-image.ts";
import { MetadataProposer } from "./controller/metadata-proposer.ts";
import { ProducerIdPool } from "./controller/producer-id-pool.ts";
import { type Fitness, FitnessWatch } from "./fitness/fitness-watch.ts";
import { groupsTopic, GroupRouter } from "./group/group-router.ts";
import { ForwardedTopics } from "./forwarded-topics.ts";
import { ImageView } from "./image-view.ts";
import { LeaderReporter } from "./leader-reporter.ts";
import { LeaderTable } from "./leader-table.ts";
import { Moves } from "./moves.ts";
import { CompactionChecker } from "./partition/compaction-checker.ts";
import { RetentionChecker } from "./partition/retention-checker.ts";
import type { PeerNetwork } from "./peer/peer-network.ts";
import { CommandProposer } from "./raft/command-proposer.ts";
import { HistoryKeeper } from "./raft/history-keeper.ts";
import { openGroupLog } from "./raft/group-storage.ts";
import { RaftGroup } from "./raft/raft-group.ts";
import { RaftHost } from "./raft/raft-host.ts";
import type { Leadership } from "./raft/state-machine.ts";
import { ReassignmentDesk } from "./reassignment-desk.ts";
import { RemoteCaller } from "./remote-caller.ts";
import { ReplicaSet } from "./replica-set.ts";
import { ReplicaRebuilding, snapshotImageBytesMax } from "./snapshot/replica-rebuilding.ts";

/** What a node is made of. */
export interface BrokerNodeOptions {
  readonly config: BrokerConfig;
  readonly limits: BrokerLimits;
  readonly runtime: Runtime;
  readonly storage: BrokerStorage;
  /** The peer network, which is started after the node was made. */
  readonly peers: () => PeerNetwork;
  readonly isReady: () => boolean;
  readonly storageFailed: (error: unknown) => void;
  /** The metadata changed, or who decides on it. */
  readonly imageChanged: () => void;
}

/**
 * The inside of a broker: its Raft groups, the cluster's metadata, and the roles that follow from
 * them (controller, leader of partitions, coordinator of consumer groups).
 */
export class BrokerNode {
  readonly host: RaftHost;
  readonly machine: ControllerMachine;
  readonly replicas: ReplicaSet;
  readonly groups: GroupRouter;
  readonly view: ImageView;
  readonly topics: ForwardedTopics;
  readonly configs: ForwardedConfigs;
  readonly producerIds: ProducerIdPool;
  readonly controllerClient: ControllerClient;
  readonly caller: RemoteCaller;
  readonly #options: BrokerNodeOptions;
  readonly #logger: Logger;
  readonly #leaders = new LeaderTable();
  readonly #checkpointer: Checkpointer;
  readonly #history: HistoryKeeper;
  readonly rebuilding: ReplicaRebuilding;
  readonly #reporter: LeaderReporter;
  readonly #controllerGroup: RaftGroup;
  readonly #controller: Controller;
  readonly #compaction: CompactionChecker;
  readonly #retention: RetentionChecker;
  readonly #moves: Moves;
  readonly reassignments: ReassignmentDesk;
  #fitness: FitnessWatch | undefined;
  readonly #addressAttempts = new Map<number, number>();
  #started = false;

  constructor(options: BrokerNodeOptions) {
    this.#options = options;
    const { config, limits, runtime, storage } = options;
    const { clock, logger, random } = runtime;
    const { brokerId } = config;
    this.#logger = logger;
    this.caller = new RemoteCaller(brokerId, limits.forwardTimeoutMs, options.peers);
    this.host = new RaftHost({
      brokerId,
      epoch: storage.identity.startCount,
      clock,
      random,
      logger,
      limits,
      store: storage.log,
      sender: {
        send: (to, group, message) => void options.peers().send(to, group, message),
        sendBatch: (batch) => options.peers().sendBatch(batch),
        flush: () => options.peers().flush(),
      },
      snapshotArrived: (from, group, message) => {
        this.rebuilding.snapshotArrived(from, group, message);
      },
      storageFailed: options.storageFailed,
    });
    this.machine = new ControllerMachine(storage.state, logger, {
      applied: (outcome) => this.#applied(outcome),
      leadershipChanged: (leadership) => this.#controllerLeadershipChanged(leadership),
    });
    this.#checkpointer = new Checkpointer(storage.state, clock, logger, limits.checkpointMs);
    this.#checkpointer.add(this.machine);
    this.#history = this.#createHistoryKeeper();
    this.rebuilding = this.#createRebuilding();
    void storage.failed.then((error) => this.host.storageFailed(error));
    const proposer = new CommandProposer(clock, limits.batchBytesMax);
    this.#controllerGroup = this.#createControllerGroup();
    this.#controller = new Controller({
      group: this.#controllerGroup,
      machine: this.machine,
      proposer,
      random,
      logger,
      limits,
      bootstrapCount: config.bootstrap.length,
      isAlive: this.isAlive,
    });
    this.controllerClient = new ControllerClient({
      clock,
      caller: this.caller,
      controllerId: () => this.#controllerGroup.leaderId,
      timeoutMs: limits.forwardTimeoutMs,
    });
    this.configs = this.#createConfigs(proposer);
    this.view = new ImageView(brokerId, this.machine.image, this.#leaders, this.isAlive);
    const { controllerClient: controller, view } = this;
    this.topics = new ForwardedTopics({ controller, view, clock });
    this.#reporter = this.#createReporter();
    this.groups = this.#createGroupRouter();
    this.#moves = this.#createMoves(proposer);
    this.reassignments = this.#createReassignments();
    this.replicas = this.#createReplicaSet(proposer);
    storage.hearDamage((key, error) => this.replicas.logDamaged(key, error));
    this.#compaction = this.#createCompactionChecker();
    this.#retention = this.#createRetentionChecker();
    this.producerIds = new ProducerIdPool(async (count) => {
      const answer = await this.controllerClient.call(peerService.allocateProducerIds, { count });
      return answer.firstProducerId;
    });
    this.#answerCalls();
  }

  /** Starts every group; the peer network must be there. */
  async start(): Promise<void> {
    this.#started = true;
    const { limits, runtime, storage } = this.#options;
    this.#fitness = new FitnessWatch({
      clock: runtime.clock,
      logger: this.#logger,
      writingSinceMs: () => storage.log.writingSinceMs,
      diskStallMs: limits.diskStallMs,
      candidacyChanged: (candidacy) => this.host.setCandidacy(candidacy),
    });
    await this.replicas.start();
    this.host.add(this.#controllerGroup);
  }

  /** Why this broker leads nothing; `sound` where nothing speaks against it. */
  get fitness(): Fitness {
    return this.#fitness?.fitness ?? "sound";
  }

  async stop(): Promise<void> {
    this.groups.stop();
    this.#fitness?.stop();
    this.#reporter.stop();
    this.#moves.stop();
    this.#retention.stop();
    this.#compaction.stop();
    await this.rebuilding.stop();
    await this.host.stop();
    await this.#history.stop();
    await this.#checkpointer.stop(
      [...this.replicas.partitions()].flatMap((replica) => replica.takeCheckpoint()),
    );
  }

  /** Whether the broker was heard of lately; this one always was. */
  readonly isAlive = (brokerId: number): boolean => {
    const { config, limits, peers, runtime } = this.#options;
    if (brokerId === config.brokerId) return true;
    const heardMs = peers().lastHeardMs(brokerId);
    return heardMs !== undefined && runtime.clock.monotonicMs() - heardMs < limits.brokerSilenceMs;
  };

  /**
   * Where the peers of a broker reach it: as it registered, or as this broker was configured. Where the two
   * differ nobody can say which is newer, so attempts take turns.
   */
  addressOf(brokerId: number): Address | undefined {
    const { bootstrap } = this.#options.config;
    const configured = bootstrap.find((each) => each.brokerId === brokerId)?.address;
    const registered = this.machine.image.brokers.get(brokerId)?.peer;
    if (configured === undefined || registered === undefined) return registered ?? configured;
    const attempt = this.#addressAttempts.get(brokerId) ?? 0;
    this.#addressAttempts.set(brokerId, attempt + 1);
    return attempt % 2 === 0 ? registered : configured;
  }

  #createControllerGroup(): RaftGroup {
    const { config, limits, runtime, storage } = this.#options;
    const log = openGroupLog(storage.log, { groupId: controllerGroupId, incarnation: 1 });
    return new RaftGroup({
      brokerId: config.brokerId,
      clock: runtime.clock,
      logger: this.#logger,
      log,
      machine: this.machine,
      ...controllerVoters(config),
      limits,
      damaged: (group, error) => {
        this.#logger.error("the metadata's log is damaged; this broker stays out of it", {
          error,
        });
        this.host.remove(group);
      },
    });
  }

  #createConfigs(proposer: CommandProposer): ForwardedConfigs {
    const { config, isReady, limits } = this.#options;
    const { machine } = this;
    const defaultReplicationFactor = Math.min(
      limits.defaultReplicationFactor,
      config.bootstrap.length,
    );
    const defaults = { ...limits, defaultReplicationFactor };
    const metadata = new MetadataProposer({ group: this.#controllerGroup, machine, proposer });
    answerConfigCalls(this.caller, new ConfigController(metadata, defaults));
    const { image } = machine;
    const { clock } = this.#options.runtime;
    const controller = this.controllerClient;
    return new ForwardedConfigs({ image, defaults, controller, isReady, clock });
  }

  #createReporter(): LeaderReporter {
    const { peers, runtime } = this.#options;
    return new LeaderReporter({
      clock: runtime.clock,
      logger: this.#logger,
      caller: this.caller,
      table: this.#leaders,
      connectedPeers: () => peers().connectedPeers(),
      ledGroups: () => this.#ledGroups(),
    });
  }

  #createRebuilding(): ReplicaRebuilding {
    const { config, limits, runtime, storage } = this.#options;
    return new ReplicaRebuilding({
      brokerId: config.brokerId,
      clock: runtime.clock,
      logger: this.#logger,
      limits,
      store: storage.log,
      state: storage.state,
      host: this.host,
      checkpointer: this.#checkpointer,
      caller: this.caller,
      leaders: this.#leaders,
      home: () => this.replicas,
      pieceAdmitted: (key, bytes) => this.#moves.pieceAdmitted(key, bytes),
    });
  }

  #createCompactionChecker(): CompactionChecker {
    const { limits, runtime, storage } = this.#options;
    const { clock, logger, random } = runtime;
    return new CompactionChecker({
      clock,
      random,
      logger,
      store: storage.log,
      history: this.#history,
      intervalMs: () => this.#configured(compactionCheckName, limits.compactionCheckMs),
      partitions: () => this.replicas.compactedPartitions(),
    });
  }

  #createRetentionChecker(): RetentionChecker {
    const { limits, runtime } = this.#options;
    const { clock, logger } = runtime;
    return new RetentionChecker({
      clock,
      logger,
      intervalMs: () => this.#configured(retentionCheckName, limits.retentionCheckMs),
      partitions: () => this.replicas.partitions(),
    });
  }

  #createHistoryKeeper(): HistoryKeeper {
    const { limits, runtime, storage } = this.#options;
    const { clock, logger } = runtime;
    return new HistoryKeeper({
      clock,
      logger,
      store: storage.log,
      state: storage.state,
      checkpointer: this.#checkpointer,
      intervalMs: limits.internalCutCheckMs,
      retryMs: limits.checkpointMs,
      entriesPerImage: limits.entriesPerImage,
      imageBytesMax: snapshotImageBytesMax,
    });
  }

  #createReplicaSet(proposer: CommandProposer): ReplicaSet {
    const { config, limits, runtime, storage } = this.#options;
    return new ReplicaSet({
      brokerId: config.brokerId,
      clock: runtime.clock,
      logger: this.#logger,
      limits,
      store: storage.log,
      state: storage.state,
      host: this.host,
      checkpointer: this.#checkpointer,
      history: this.#history,
      proposer,
      groups: this.groups,
      leaders: this.#leaders,
      image: this.machine.image,
      isAlive: this.isAlive,
      isReady: this.#options.isReady,
      metadataIndexAtStart: this.#controllerGroup.log.lastIndex(),
      metadataIndex: () => this.machine.appliedIndex,
      admitToLearner: this.#moves.admitToLearner,
      membersMayChange: this.#moves.membersMayChange,
      snapshotWanted: (group) => this.rebuilding.snapshotWanted(group),
      repair: (absent) => this.rebuilding.repair(absent),
      leads: (groupId, term) => this.#reporter.leads({ groupId, term }),
    });
  }

  #createReassignments(): ReassignmentDesk {
    return new ReassignmentDesk({
      caller: this.caller,
      controller: this.controllerClient,
      image: this.machine.image,
      leaders: this.#leaders,
    });
  }

  #createMoves(proposer: CommandProposer): Moves {
    const { config, limits, runtime } = this.#options;
    return new Moves({
      brokerId: config.brokerId,
      clock: runtime.clock,
      logger: this.#logger,
      limits,
      caller: this.caller,
      proposer,
      controllerGroup: this.#controllerGroup,
      controllerClient: this.controllerClient,
      machine: this.machine,
      replicas: () => this.replicas,
      isAlive: this.isAlive,
    });
  }

  #createGroupRouter(): GroupRouter {
    const { config, limits, runtime } = this.#options;
    const topic = (): TopicImage | undefined => this.machine.image.topics.get(groupsTopic);
    return new GroupRouter({
      brokerId: config.brokerId,
      clock: runtime.clock,
      logger: this.#logger,
      caller: this.caller,
      partitionCount: () => topic()?.partitions.length ?? 0,
      leaderOf: (partition) => {
        const groupId = topic()?.partitions[partition]?.groupId;
        return groupId === undefined ? 0 : (this.#leaders.get(groupId)?.leaderId ?? 0);
      },
      createTopic: () => this.#createGroupsTopic(),
      timeoutMs: limits.forwardTimeoutMs,
    });
  }

  async #createGroupsTopic(): Promise<void> {
    const { groupPartitionCount: partitionCount } = this.#options.limits;
    try {
      await this.controllerClient.call(peerService.placeTopic, {
        name: groupsTopic,
        partitionCount,
        internal: true,
      });
    } catch (error) {
      // Somebody else needed it at the same time.
      if (!(error instanceof RopewalkError) || error.code !== "TOPIC_ALREADY_EXISTS") throw error;
    }
  }

  #answerCalls(): void {
    const { caller } = this;
    const controller = this.#controller;
    caller.handle(peerService.registerBroker, async ({ broker }) => {
      await controller.registerBroker(registrationOf(broker));
      return {};
    });
    caller.handle(peerService.placeTopic, async (topic) => ({
      topic: topicMessage(await controller.createTopic(topic, topic.internal, topic.validateOnly)),
    }));
    caller.handle(peerService.growTopic, async ({ name, partitionCount, validateOnly }) => ({
      topic: topicMessage(await controller.growTopic(name, partitionCount, validateOnly)),
    }));
    caller.handle(peerService.removeTopic, async ({ name }) => {
      await controller.deleteTopic(name);
      return {};
    });
    caller.handle(peerService.reportLeaders, async ({ groups }, from) => {
      this.#reporter.received(from, groups);
      return {};
    });
    caller.handle(peerService.allocateProducerIds, async ({ count }) => ({
      firstProducerId: await controller.allocateProducerIds(count),
    }));
  }

  #applied(outcome: ApplyOutcome): void {
    if (outcome.kind === "topicCreated" || outcome.kind === "topicGrown") {
      if (this.#started) this.replicas.topicCreated(outcome.topic);
    } else if (outcome.kind === "topicConfigured") {
      this.replicas.topicConfigured(outcome.topic);
    } else if (outcome.kind === "brokerConfigured") {
      this.#brokerConfigured(outcome.brokerId);
    } else if (outcome.kind === "topicDeleted") {
      const { name } = outcome.topic;
      this.replicas.topicDeleted(outcome.topic).catch((error: unknown) => {
        this.#logger.error("the replicas of a deleted topic could not be removed", {
          topic: name,
          error,
        });
      });
    }
    if (this.#started) this.#replicasMoved(outcome);
    this.#options.imageChanged();
  }

  #replicasMoved(outcome: ApplyOutcome): void {
    if (outcome.kind !== "partitionsReassigned") return;
    for (const change of outcome.changes) {
      const { partition, topic } = change;
      const where = { topic: topic.name, partition: partition.partition };
      this.replicas.reassigned(change).catch((error: unknown) => {
        this.#logger.error("a replica that has left could not be removed", { ...where, error });
      });
    }
    this.#moves.applied(outcome);
  }

  #brokerConfigured(brokerId: number): void {
    if (brokerId === clusterConfigsId) this.replicas.defaultsConfigured();
    this.#retention.intervalChanged();
    this.#compaction.intervalChanged();
  }

  /** A number that this broker was told while it ran, or what it does otherwise. */
  #configured(name: string, fallback: number): number {
    return brokerNumber(this.machine.image, this.#options.config.brokerId, name, fallback);
  }

  #controllerLeadershipChanged(leadership: Leadership): void {
    const { brokerId } = this.#options.config;
    this.#leaders.follow(controllerGroupId, leadership, brokerId);
    if (leadership.kind === "leading") {
      this.#reporter.leads({ groupId: controllerGroupId, term: leadership.term });
    }
    this.#controller.leadershipChanged(leadership);
    this.#moves.controllerChanged();
    this.#options.imageChanged();
  }

  *#ledGroups(): Iterable<{ groupId: number; term: number }> {
    for (const group of this.host.groups()) {
      if (group.leadership.kind === "leading")
        yield { groupId: group.key.groupId, term: group.term };
    }
  }
}

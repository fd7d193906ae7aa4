import { peerService } from "@ropewalk/protocol/internal";
import type { Logger, Runtime } from "@ropewalk/runtime";
import { type BrokerStorage, unknownThroughIndex } from "./broker-storage.ts";
import { ForwardedBrokers } from "./admin/broker-admin.ts";
import { BrokerMembership } from "./membership/broker-membership.ts";
import { Checkpointer } from "./checkpointer.ts";
import type { BrokerConfig, BrokerLimits } from "./config.ts";
import { type ForwardedConfigs, openConfigs } from "./admin/config-admin.ts";
import { Controller } from "./controller/controller.ts";
import { ControllerClient } from "./controller/controller-client.ts";
import { openControllerGroup } from "./controller/controller-group.ts";
import { ControllerMachine } from "./controller/controller-machine.ts";
import { answerControllerCalls } from "./controller/controller-calls.ts";
import type { BrokerRegistration } from "./controller/broker-registration.ts";
import {
  type ApplyOutcome,
  clusterConfigsId,
  controllerGroupId,
} from "./controller/metadata-image.ts";
import { MetadataProposer } from "./controller/metadata-proposer.ts";
import { metadataReplayed } from "./controller/metadata-replay.ts";
import { ProducerIdPool } from "./controller/producer-id-pool.ts";
import { type Fitness, FitnessWatch } from "./fitness/fitness-watch.ts";
import { openGroupRouter } from "./group/groups-topic.ts";
import type { GroupRouter } from "./group/group-router.ts";
import { ForwardedTopics } from "./admin/forwarded-topics.ts";
import { ImageView } from "./admin/image-view.ts";
import { LeaderReporter } from "./leadership/leader-reporter.ts";
import { LeaderTable } from "./leadership/leader-table.ts";
import { Moves } from "./moves/moves.ts";
import { HistoryChecks } from "./partition/history-checks.ts";
import type { PeerNetwork } from "./peer/peer-network.ts";
import { peerSender } from "./peer/peer-sender.ts";
import { CommandProposer } from "./raft/command-proposer.ts";
import { HistoryKeeper } from "./raft/history-keeper.ts";
import type { RaftGroup } from "./raft/raft-group.ts";
import { RaftHost } from "./raft/raft-host.ts";
import type { RaftObserver } from "./raft/raft-observer.ts";
import type { Leadership } from "./raft/state-machine.ts";
import { ReassignmentDesk } from "./moves/reassignment-desk.ts";
import { RemoteCaller } from "./remote-caller.ts";
import { placeReplicas, removeTopic } from "./replicas/replica-placement.ts";
import { ReplicaSet } from "./replicas/replica-set.ts";
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
  readonly raftObserver?: RaftObserver | undefined;
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
  /** How this broker belongs to its cluster. */
  readonly membership: BrokerMembership;
  /** What is asked of brokers as a whole. */
  readonly brokers: ForwardedBrokers;
  /** Another one, once a cluster has taken this broker in that others had formed. */
  #controllerGroup: RaftGroup;
  readonly #controller: Controller;
  readonly #historyChecks: HistoryChecks;
  readonly #moves: Moves;
  readonly reassignments: ReassignmentDesk;
  #fitness: FitnessWatch | undefined;
  #started = false;
  #isStopped = false;
  /** Why the metadata cannot be followed; `undefined` where it can. */
  #metadataFault: string | undefined;

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
      sender: peerSender(options.peers),
      snapshotArrived: (from, group, arrived) => {
        this.rebuilding.snapshotArrived(from, group, arrived);
      },
      storageFailed: options.storageFailed,
      observer: options.raftObserver,
    });
    this.machine = new ControllerMachine(storage.state, logger, {
      applied: (outcome) => this.#applied(outcome),
      membershipChanged: () => {
        if (this.#started) this.membership.brokersChanged();
        this.#options.imageChanged();
      },
      leadershipChanged: (leadership) => this.#controllerLeadershipChanged(leadership),
    });
    this.#checkpointer = new Checkpointer(storage.state, clock, logger, limits.checkpointMs);
    this.#checkpointer.add(this.machine);
    this.#history = this.#createHistoryKeeper();
    this.rebuilding = this.#createRebuilding();
    void storage.failed.then((error) => this.host.storageFailed(error));
    const proposer = new CommandProposer(clock, limits.batchBytesMax);
    this.#controllerGroup = this.#createControllerGroup();
    this.#controller = this.#createController(proposer);
    this.controllerClient = this.#createControllerClient();
    this.brokers = new ForwardedBrokers(this.controllerClient);
    this.membership = this.#createMembership();
    this.configs = this.#createConfigs(proposer);
    this.view = new ImageView(
      brokerId,
      this.machine.image,
      this.#leaders,
      this.isAlive,
      () => this.#controllerGroup.confState,
    );
    const { controllerClient: controller, view } = this;
    this.topics = new ForwardedTopics({ controller, view, clock });
    this.#reporter = this.#createReporter();
    this.groups = this.#createGroupRouter();
    this.#moves = this.#createMoves(proposer);
    this.reassignments = this.#createReassignments();
    this.replicas = this.#createReplicaSet(proposer);
    storage.hearDamage((key, error) => this.replicas.logDamaged(key, error));
    this.#historyChecks = this.#createHistoryChecks();
    this.producerIds = new ProducerIdPool(clock, async (count) => {
      const answer = await this.controllerClient.call(peerService.allocateProducerIds, { count });
      return answer.firstProducerId;
    });
    this.#answerCalls();
  }

  /**
   * Starts every group; the peer network must be there. A broker without data starts that of the metadata, from
   * which all others follow, when it has found its cluster: not before this resolves.
   */
  async start(registration: BrokerRegistration): Promise<void> {
    const { limits, runtime, storage } = this.#options;
    this.#fitness = new FitnessWatch({
      clock: runtime.clock,
      logger: this.#logger,
      writingSinceMs: () => storage.log.writingSinceMs,
      diskStallMs: limits.diskStallMs,
      candidacyChanged: (candidacy) => this.host.setCandidacy(candidacy),
    });
    if (storage.identity.hasJoined) await this.#replayMetadata();
    this.#started = true;
    this.replicas.start();
    this.membership.start();
    if (!storage.identity.hasJoined) void this.#join(registration);
  }

  async #replayMetadata(): Promise<void> {
    const { commit } = this.#controllerGroup.log.hardState;
    this.host.add(this.#controllerGroup);
    await metadataReplayed({
      clock: this.#options.runtime.clock,
      logger: this.#logger,
      commit,
      appliedIndex: () => this.machine.appliedIndex,
      fault: () =>
        this.#options.storage.log.failed === undefined ? this.#metadataFault : "the disk failed",
    });
  }

  async #join(registration: BrokerRegistration): Promise<void> {
    try {
      const entered = await this.membership.join(registration);
      if (entered === undefined || this.#isStopped) return;
      if (entered.kind === "entered") this.#controllerGroup = this.#createControllerGroup();
      this.host.add(this.#controllerGroup);
    } catch (error) {
      this.#logger.error("that this broker belongs to a cluster cannot be noted", { error });
      this.#options.storageFailed(error);
    }
  }

  /** What was sent to the broker may not have arrived. */
  unreachable(brokerId: number): void {
    this.host.unreachable(brokerId);
    this.#reporter.unreachable(brokerId);
  }

  /** Why this broker leads nothing; `sound` where nothing speaks against it. */
  get fitness(): Fitness {
    return this.#fitness?.fitness ?? "sound";
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.membership.stop();
    this.#controller.stop();
    this.groups.stop();
    this.#fitness?.stop();
    this.#reporter.stop();
    this.#moves.stop();
    this.#historyChecks.stop();
    this.controllerClient.stop();
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

  #createController(proposer: CommandProposer): Controller {
    const { config, limits, runtime } = this.#options;
    return new Controller({
      brokerId: config.brokerId,
      clock: runtime.clock,
      group: () => this.#controllerGroup,
      machine: this.machine,
      proposer,
      random: runtime.random,
      logger: this.#logger,
      limits,
      mover: { moveAway: (id) => this.#moves.moveAway(id) },
      bootstrapCount: config.bootstrap.length,
      isAlive: this.isAlive,
    });
  }

  #createControllerClient(): ControllerClient {
    const { limits, runtime } = this.#options;
    return new ControllerClient({
      clock: runtime.clock,
      caller: this.caller,
      controllerId: () => this.#controllerId,
      timeoutMs: limits.forwardTimeoutMs,
    });
  }

  get #controllerId(): number {
    const { leaderId } = this.#controllerGroup;
    if (leaderId !== 0 || this.machine.image.clusterId !== "") return leaderId;
    // A founder that was away while others got its vote hears of no leader before it is registered.
    return this.#leaders.get(controllerGroupId)?.leaderId ?? 0;
  }

  #createControllerGroup(): RaftGroup {
    const { config, limits, runtime, storage } = this.#options;
    return openControllerGroup({
      brokerId: config.brokerId,
      runtime,
      logger: this.#logger,
      limits,
      storage,
      machine: this.machine,
      damaged: (group) => {
        this.#metadataFault = "the metadata's log is damaged";
        this.host.remove(group);
      },
    });
  }

  #createConfigs(proposer: CommandProposer): ForwardedConfigs {
    const { config, isReady, limits, runtime } = this.#options;
    const group = (): RaftGroup => this.#controllerGroup;
    return openConfigs({
      clock: runtime.clock,
      isReady,
      limits,
      bootstrapCount: config.bootstrap.length,
      caller: this.caller,
      controller: this.controllerClient,
      metadata: new MetadataProposer({ group, machine: this.machine, proposer }),
    });
  }

  #createMembership(): BrokerMembership {
    const { config, limits, runtime, storage } = this.#options;
    return new BrokerMembership({
      config,
      limits,
      clock: runtime.clock,
      logger: this.#logger,
      storage,
      machine: this.machine,
      caller: this.caller,
      controllerGroup: () => this.#controllerGroup,
      controller: this.#controller,
      peers: this.#options.peers,
      groups: () => this.host.groups(),
      peerReplaced: (id) => this.host.peerReplaced(id),
      peerRemoved: (id) => this.host.peerRemoved(id),
    });
  }

  #createReporter(): LeaderReporter {
    const { peers, runtime } = this.#options;
    return new LeaderReporter({
      clock: runtime.clock,
      logger: this.#logger,
      caller: this.caller,
      table: this.#leaders,
      connectedPeers: () => peers().connectedPeers(),
      groups: () => this.host.groups(),
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

  #createHistoryChecks(): HistoryChecks {
    const { config, limits, runtime, storage } = this.#options;
    return new HistoryChecks({
      brokerId: config.brokerId,
      runtime,
      limits,
      store: storage.log,
      history: this.#history,
      image: this.machine.image,
      retained: () => this.replicas.partitions(),
      compacted: () => this.replicas.compactedPartitions(),
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
    const indexAtStart = this.#controllerGroup.log.lastIndex();
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
      unknownThroughIndex: () => unknownThroughIndex(storage, indexAtStart),
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
      controllerGroup: () => this.#controllerGroup,
      controllerClient: this.controllerClient,
      machine: this.machine,
      replicas: () => this.replicas,
      isAlive: this.isAlive,
    });
  }

  #createGroupRouter(): GroupRouter {
    const { config, limits, runtime } = this.#options;
    return openGroupRouter({
      brokerId: config.brokerId,
      clock: runtime.clock,
      logger: this.#logger,
      limits,
      caller: this.caller,
      controller: this.controllerClient,
      image: this.machine.image,
      leaders: this.#leaders,
    });
  }

  #answerCalls(): void {
    answerControllerCalls(this.caller, this.#controller);
    this.caller.handle(peerService.reportLeaders, async ({ groups }, from) => {
      this.#reporter.received(from, groups);
      return {};
    });
  }

  #applied(outcome: ApplyOutcome): void {
    if (this.#started) placeReplicas(this.replicas, outcome, this.#logger);
    else if (outcome.kind === "topicDeleted")
      removeTopic(this.replicas, outcome.topic, this.#logger);
    if (outcome.kind === "brokerConfigured") this.#brokerConfigured(outcome.brokerId);
    if (outcome.kind === "topicConfigured") this.replicas.topicConfigured(outcome.topic);
    if (outcome.kind === "brokerChanged" || outcome.kind === "brokerRemoved") {
      this.membership.brokersChanged();
    }
    if (this.#started) this.#moves.applied(outcome);
    this.#options.imageChanged();
  }

  #brokerConfigured(brokerId: number): void {
    if (brokerId === clusterConfigsId) this.replicas.defaultsConfigured();
    this.#historyChecks.intervalsChanged();
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
}

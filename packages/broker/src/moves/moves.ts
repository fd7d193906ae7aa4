import { moveService } from "@ropewalk/protocol/internal";
import type { GroupKey } from "@ropewalk/log";
import type { Clock, Logger } from "@ropewalk/runtime";
import type { BrokerLimits } from "../config.ts";
import { lossRepairDelayMsOf } from "../configs/loss-repair-config.ts";
import { joinBalancingOf } from "../configs/join-balancing-configs.ts";
import type { ControllerClient } from "../controller/controller-client.ts";
import type { ControllerMachine } from "../controller/controller-machine.ts";
import type { ApplyOutcome } from "../controller/metadata-image.ts";
import { mayLead } from "../controller/broker-life.ts";
import { JoinBalancer } from "../controller/join-balancer.ts";
import { LossRepair } from "../controller/loss-repair.ts";
import { MoveScheduler } from "../controller/move-scheduler.ts";
import { addingIdsOf } from "../controller/partition-assignment.ts";
import { Reassigner } from "../controller/reassigner.ts";
import { LeaderBalancer } from "../leadership/leader-balancer.ts";
import { LedPartitions } from "./led-partitions.ts";
import { MemberMover } from "./member-mover.ts";
import { progressOf } from "./move-progress.ts";
import { MoveThrottle } from "./move-throttle.ts";
import type { CommandProposer } from "../raft/command-proposer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { RemoteCaller } from "../remote-caller.ts";
import type { ReplicaSet } from "../replicas/replica-set.ts";

/** What moving replicas needs. */
export interface MovesOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly caller: RemoteCaller;
  readonly proposer: CommandProposer;
  readonly controllerGroup: () => RaftGroup;
  readonly controllerClient: ControllerClient;
  readonly machine: ControllerMachine;
  readonly replicas: () => ReplicaSet;
  readonly isAlive: (brokerId: number) => boolean;
}

/**
 * Replicas that move between brokers, this broker's part: as the controller it says which, as a leader it changes
 * the members of its groups and gives leadership back to whom it is meant for, and it keeps to the throttle.
 */
export class Moves {
  readonly #options: MovesOptions;
  readonly #mover: MemberMover;
  readonly #throttle: MoveThrottle;
  readonly #scheduler: MoveScheduler;
  readonly #reassigner: Reassigner;
  readonly #balancer: LeaderBalancer;
  readonly #lossRepair: LossRepair;
  readonly #joinBalancer: JoinBalancer;
  readonly #ledPartitions: LedPartitions;
  #throttleRate: number;

  constructor(options: MovesOptions) {
    this.#options = options;
    this.#throttleRate = options.machine.image.moveThrottle;
    const { clock, controllerClient: controller, controllerGroup, logger, machine } = options;
    this.#mover = new MemberMover({
      ...options,
      controller,
      replica: (groupId) => options.replicas().replicaOf(groupId),
    });
    this.#throttle = new MoveThrottle({
      clock,
      bytesPerSecond: () => machine.image.moveThrottle,
      freed: () => this.#learnersAdmitted(),
    });
    this.#ledPartitions = new LedPartitions({
      ...options,
      replicas: () => options.replicas().replicas(),
      brokerIds: () => machine.image.brokers.keys(),
    });
    this.#reassigner = new Reassigner({
      ...options,
      group: controllerGroup,
      sizes: async () => {
        const led = await this.#ledPartitions.ask();
        return (groupId) => led.get(groupId)?.sizeBytes ?? 0;
      },
    });
    this.#scheduler = new MoveScheduler({
      clock,
      logger,
      topics: () => machine.image.topics.values(),
      movesAtOnceMax: options.limits.movesAtOnceMax,
      isLeading: () => controllerGroup().leadership.kind === "leading",
      propose: (action, command) => this.#reassigner.propose(action, command),
    });
    this.#lossRepair = new LossRepair({
      ...options,
      delayMs: () => lossRepairDelayMsOf(machine.image.clusterConfigs, options.limits),
      isLeading: () => controllerGroup().leadership.kind === "leading",
      brokerIds: () => machine.image.brokers.keys(),
      moveAway: (brokerIds) => this.#reassigner.moveAway(brokerIds),
    });
    this.#joinBalancer = this.#createJoinBalancer();
    this.#balancer = new LeaderBalancer({
      ...options,
      replicas: () => options.replicas().replicas(),
      mayLead: (id) => {
        const broker = machine.image.brokers.get(id);
        return options.isAlive(id) && broker !== undefined && mayLead(broker);
      },
      intervalMs: options.limits.leaderBalanceMs,
    });
    this.#answerCalls();
  }

  /** The members of a group, or what they are to be, may have changed, or who leads it. */
  readonly membersMayChange = (groupId: number): void => this.#mover.mayChange(groupId);

  /** Whether so many bytes may be sent to a replica that comes. */
  readonly admitToLearner = (bytes: number): boolean => this.#throttle.admit(bytes);

  /** Resolves when so many bytes of a group may be fetched: at once but for a replica that comes. */
  readonly pieceAdmitted = async ({ groupId }: GroupKey, bytes: number): Promise<void> => {
    const { brokerId, replicas } = this.#options;
    const isComing = (): boolean => {
      const image = replicas().imageOf(groupId);
      return image !== undefined && addingIdsOf(image).includes(brokerId);
    };
    if (isComing()) await this.#throttle.admitted(bytes, isComing);
  };

  /** As the controller: begins to move everything that a broker holds to others. */
  async moveAway(brokerId: number): Promise<void> {
    await this.#reassigner.moveAway([brokerId]);
  }

  /** The metadata changed. */
  applied(outcome: ApplyOutcome): void {
    // Partitions that moved are gone with their topic, and others may begin.
    const isTurn = outcome.kind === "partitionsReassigned" || outcome.kind === "topicDeleted";
    if (isTurn) this.#scheduler.check();
    const { moveThrottle } = this.#options.machine.image;
    if (moveThrottle === this.#throttleRate) return;
    this.#throttleRate = moveThrottle;
    // Not while the entry is being applied that says so.
    this.#options.clock.defer(() => this.#throttle.rateChanged());
  }

  /** This broker may have become the controller. */
  controllerChanged(): void {
    this.#scheduler.check();
  }

  stop(): void {
    this.#joinBalancer.stop();
    this.#lossRepair.stop();
    this.#balancer.stop();
    this.#scheduler.stop();
    this.#throttle.stop();
    this.#mover.stop();
  }

  #createJoinBalancer(): JoinBalancer {
    const { controllerGroup, limits, machine } = this.#options;
    const { image } = machine;
    return new JoinBalancer({
      ...this.#options,
      image,
      settings: () => joinBalancingOf(image.clusterConfigs, limits),
      isLeading: () => controllerGroup().leadership.kind === "leading",
      ledPartitions: () => this.#ledPartitions.ask(),
      share: (ids, sizeOf, max) => this.#reassigner.share(ids, sizeOf, max),
      settle: (brokerIds) =>
        this.#reassigner.propose("settle brokers that joined", {
          kind: "newcomersSettled",
          brokerIds,
        }),
    });
  }

  #learnersAdmitted(): void {
    for (const { group, image } of this.#options.replicas().replicas()) {
      if (image.move?.state === "moving") group.learnersAdmitted();
    }
  }

  #answerCalls(): void {
    const { caller, replicas } = this.#options;
    caller.handle(moveService.placeReplicas, (request) => this.#reassigner.place(request));
    caller.handle(moveService.replicateTopic, (request) => this.#reassigner.replicate(request));
    caller.handle(moveService.finishMove, async ({ assignmentId, ...move }) => {
      await this.#reassigner.finish(move, assignmentId);
      return {};
    });
    caller.handle(moveService.describeMoves, ({ groupIds }) => {
      const moves = groupIds.flatMap((groupId) => progressOf(replicas().replicaOf(groupId)) ?? []);
      return Promise.resolve({ moves });
    });
  }
}

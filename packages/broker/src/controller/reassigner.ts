import { RopewalkError } from "@ropewalk/protocol";
import type {
  PlaceReplicasRequest,
  PlaceReplicasResponseInit,
  PlaceReplicasResponsePlannedMoveInit,
  ReplicateTopicRequest,
  ReplicateTopicResponseInit,
} from "@ropewalk/protocol/internal";
import type { CommandProposer } from "../raft/command-proposer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { ControllerMachine } from "./controller-machine.ts";
import type { MetadataCommand, PartitionName } from "./metadata-command.ts";
import type { ApplyOutcome, MetadataImage, PartitionImage } from "./metadata-image.ts";
import { MetadataProposer } from "./metadata-proposer.ts";
import {
  ReassignmentPlanner,
  type SizeOf,
  type Wanted,
  wantedChange,
} from "./reassignment-planner.ts";
import { checkReplicas } from "./replica-check.ts";
import { replicateTopic } from "./topic-replication.ts";

/** What reassigning needs. */
export interface ReassignerOptions {
  readonly group: () => RaftGroup;
  readonly machine: ControllerMachine;
  readonly proposer: CommandProposer;
  /** Whether the broker was heard of lately. */
  readonly isAlive: (brokerId: number) => boolean;
  /** Asks the partitions' leaders what a replica takes, which needs a moment. */
  readonly sizes: () => Promise<SizeOf>;
}

/** Partitions that one call changes. */
const placementsMax = 1000;
/** Below this a move of one batch would take longer than anybody waits for it. */
const throttleMin = 64 * 1024;

/** The controller's word on where replicas are. At the leader of its group; elsewhere calls reject with NOT_LEADER. */
export class Reassigner {
  readonly #options: ReassignerOptions;
  readonly #metadata: MetadataProposer;
  readonly #planner: ReassignmentPlanner;

  constructor(options: ReassignerOptions) {
    this.#options = options;
    this.#metadata = new MetadataProposer(options);
    const { isAlive, machine } = options;
    this.#planner = new ReassignmentPlanner({ image: machine.image, isAlive });
  }

  /** Wants replicas elsewhere; answers what changes. All of it is legal, or nothing is done. */
  async place(request: PlaceReplicasRequest): Promise<PlaceReplicasResponseInit> {
    const action = "reassign partitions";
    this.#metadata.expectLeading(action);
    const { dryRun, throttleBytesPerSecond: throttle } = request;
    checkThrottle(action, throttle);
    const plan = request.auto
      ? this.#planner.balance(request.topics, await this.#options.sizes())
      : this.#asked(action, request);
    const moves = plan.slice(0, placementsMax);
    if (!dryRun) await this.#enforce(action, moves, throttle);
    return { moves: moves.map(plannedMove), movesLeft: plan.length - moves.length };
  }

  /** Wants another number of replicas for every partition of a topic. All of it is legal, or nothing is done. */
  async replicate(request: ReplicateTopicRequest): Promise<ReplicateTopicResponseInit> {
    const { dryRun, replicationFactor, throttleBytesPerSecond: throttle, topic } = request;
    const action = `give topic ${topic} ${replicationFactor} replicas`;
    this.#metadata.expectLeading(action);
    checkThrottle(action, throttle);
    const { isAlive } = this.#options;
    const moves = replicateTopic({ image: this.#image, isAlive, topic, replicationFactor });
    if (!dryRun) await this.#enforce(action, moves, throttle);
    return { moves: moves.slice(0, placementsMax).map(plannedMove), moveCount: moves.length };
  }

  /** The partition's group has the members that were wanted. What was superseded since has no effect. */
  async finish(move: PartitionName, assignmentId: number): Promise<void> {
    const { groupId, partition, topic } = move;
    this.#metadata.expectLeading(`finish the move of ${topic}-${partition}`);
    const command = { kind: "moveCompleted", topic, partition, groupId, assignmentId } as const;
    await this.propose(`finish the move of ${topic}-${partition}`, command);
  }

  /**
   * Begins to move what brokers hold to others, where the rest of a partition's replicas are a majority; answers
   * how many partitions begin to. Those that move to one of them turn, others that move are left alone.
   */
  async moveAway(brokerIds: readonly number[]): Promise<number> {
    const action = `move everything away from brokers ${brokerIds.join(", ")}`;
    this.#metadata.expectLeading(action);
    return this.#begin(action, this.#planner.repair(brokerIds), placementsMax);
  }

  /**
   * Begins to give brokers that came their share of the replicas, at most so many partitions; answers how many
   * begin to move.
   */
  async share(
    brokerIds: readonly number[],
    sizeOf: SizeOf,
    partitionsMax: number,
  ): Promise<number> {
    const action = `give brokers ${brokerIds.join(", ")} their share`;
    this.#metadata.expectLeading(action);
    return this.#begin(action, this.#planner.share(brokerIds, sizeOf), partitionsMax);
  }

  /** As `MetadataProposer.propose`. */
  propose(action: string, command: MetadataCommand): Promise<ApplyOutcome> {
    return this.#metadata.propose(action, command);
  }

  async #begin(action: string, plan: readonly Wanted[], partitionsMax: number): Promise<number> {
    const assignments = plan.slice(0, partitionsMax).map(({ wanted }) => wanted);
    if (assignments.length === 0) return 0;
    const outcome = await this.propose(action, { kind: "partitionsReassigned", assignments });
    return outcome.kind === "partitionsReassigned" ? outcome.changes.length : 0;
  }

  async #enforce(
    action: string,
    moves: readonly Wanted[],
    throttle: number | undefined,
  ): Promise<void> {
    if (throttle !== undefined) {
      await this.propose(action, { kind: "moveThrottleSet", bytesPerSecond: throttle });
    }
    if (moves.length === 0) return;
    const assignments = moves.map(({ wanted }) => wanted);
    const outcome = await this.propose(action, { kind: "partitionsReassigned", assignments });
    if (outcome.kind === "refused") throw overtaken(action);
  }

  #asked(action: string, { placements }: PlaceReplicasRequest): Wanted[] {
    if (placements.length > placementsMax) {
      const message = `Cannot ${action}: ${placements.length} at once, where ${placementsMax} are possible`;
      throw new RopewalkError("INVALID_REQUEST", message);
    }
    return placements.flatMap(({ partition, replicaIds, topic }) => {
      const image = found(action, this.#image, topic, partition);
      if (replicaIds.length === 0) return cancellation(action, topic, image);
      const { isAlive } = this.#options;
      checkReplicas({ topic, image, replicaIds, brokers: this.#image.brokers, isAlive });
      return wantedChange(topic, image, replicaIds);
    });
  }

  get #image(): MetadataImage {
    return this.#options.machine.image;
  }
}

function plannedMove({ image, wanted }: Wanted): PlaceReplicasResponsePlannedMoveInit {
  const { partition, targetIds, topic } = wanted;
  return { topic, partition, replicaIds: image.replicaIds, targetIds };
}

function cancellation(action: string, topic: string, image: PartitionImage): Wanted[] {
  const { groupId, move, partition } = image;
  if (move === undefined) {
    const message = `Cannot ${action}: ${topic}-${partition} does not move`;
    throw new RopewalkError("NO_REASSIGNMENT_IN_PROGRESS", message);
  }
  return [{ image, wanted: { topic, partition, groupId, targetIds: [] } }];
}

function found(
  action: string,
  image: MetadataImage,
  topic: string,
  partition: number,
): PartitionImage {
  const there = image.topics.get(topic)?.partitions[partition];
  if (there !== undefined) return there;
  throw new RopewalkError(
    "UNKNOWN_TOPIC_OR_PARTITION",
    `Cannot ${action}: there is no ${JSON.stringify(topic)}-${partition}`,
  );
}

function checkThrottle(action: string, throttle: number | undefined): void {
  if (throttle === undefined || throttle === 0 || throttle >= throttleMin) return;
  const message = `Cannot ${action} at ${throttle} bytes/s: 0 is without a bound, ${throttleMin} the least`;
  throw new RopewalkError("INVALID_REQUEST", message);
}

function overtaken(action: string): RopewalkError {
  return new RopewalkError(
    "UNKNOWN_TOPIC_OR_PARTITION",
    `Cannot ${action}: the partitions were deleted meanwhile`,
  );
}

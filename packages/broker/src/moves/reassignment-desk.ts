import {
  moveService,
  type PlaceReplicasRequestInit,
  type PlaceReplicasResponse,
} from "@ropewalk/protocol/internal";
import type { ControllerClient } from "../controller/controller-client.ts";
import type { MetadataImage, PartitionImage } from "../controller/metadata-image.ts";
import { addingIdsOf, removingIdsOf } from "../controller/partition-assignment.ts";
import type { LeaderTable } from "../leadership/leader-table.ts";
import type {
  Patience,
  PlannedReassignment,
  Principal,
  ReassignmentAdmin,
  ReassignmentProgress,
  ReassignmentRequest,
  ReassignmentView,
  ReplicationFactorChange,
} from "../ports.ts";
import type { RemoteCaller } from "../remote-caller.ts";

/** What answering needs. */
export interface ReassignmentDeskOptions {
  readonly caller: RemoteCaller;
  readonly controller: ControllerClient;
  readonly image: MetadataImage;
  readonly leaders: LeaderTable;
}

/** A leader that does not say how far its moves are within this time is left out. */
const progressTimeoutMs = 1000;

/** Takes what admins want of replicas' places: changes go to the controller, questions to image and leaders. */
export class ReassignmentDesk implements ReassignmentAdmin {
  readonly #options: ReassignmentDeskOptions;

  constructor(options: ReassignmentDeskOptions) {
    this.#options = options;
  }

  async reassign(
    _principal: Principal,
    { dryRun, throttleBytesPerSecond, timeoutMs, wanted }: ReassignmentRequest,
  ): Promise<{ readonly planned: readonly PlannedReassignment[]; readonly leftCount: number }> {
    const chosen =
      wanted.kind === "auto"
        ? { auto: true, topics: wanted.topics }
        : { placements: wanted.partitions };
    const request = { ...chosen, dryRun, throttleBytesPerSecond };
    const answer = await this.#call(request, timeoutMs);
    return { planned: answer.moves, leftCount: answer.movesLeft };
  }

  async alterReplicationFactor(
    _principal: Principal,
    change: ReplicationFactorChange,
  ): Promise<{ readonly planned: readonly PlannedReassignment[]; readonly changedCount: number }> {
    const answer = await this.#options.controller.call(
      moveService.replicateTopic,
      change,
      change.timeoutMs,
    );
    return { planned: answer.moves, changedCount: answer.moveCount };
  }

  async cancel(
    _principal: Principal,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
    { dryRun, timeoutMs }: { readonly dryRun: boolean } & Patience,
  ): Promise<readonly PlannedReassignment[]> {
    const placements = partitions.map(({ partition, topic }) => ({ topic, partition }));
    return (await this.#call({ placements, dryRun }, timeoutMs)).moves;
  }

  list(_principal: Principal, topic: string): readonly ReassignmentView[] {
    const { topics } = this.#options.image;
    const named = topic === "" ? [...topics.values()] : [topics.get(topic)];
    return named
      .toSorted((a, b) => ((a?.name ?? "") < (b?.name ?? "") ? -1 : 1))
      .flatMap((each) => (each?.partitions ?? []).flatMap((image) => viewOf(each?.name, image)));
  }

  async progress(
    _principal: Principal,
    moves: readonly ReassignmentView[],
  ): Promise<readonly ReassignmentProgress[]> {
    const { leaders } = this.#options;
    const moving = moves.filter(({ state }) => state === "moving");
    const byLeader = Map.groupBy(moving, ({ groupId }) => leaders.get(groupId)?.leaderId ?? 0);
    byLeader.delete(0);
    const asked = [...byLeader].map(([leaderId, led]) => this.#ask(leaderId, led));
    return (await Promise.all(asked)).flat();
  }

  throttleBytesPerSecond(): number {
    return this.#options.image.moveThrottle;
  }

  #call(
    request: PlaceReplicasRequestInit,
    timeoutMs: number | undefined,
  ): Promise<PlaceReplicasResponse> {
    return this.#options.controller.call(moveService.placeReplicas, request, timeoutMs);
  }

  async #ask(
    leaderId: number,
    moves: readonly ReassignmentView[],
  ): Promise<readonly ReassignmentProgress[]> {
    const request = { groupIds: moves.map(({ groupId }) => groupId) };
    const options = { timeoutMs: progressTimeoutMs };
    try {
      const { caller } = this.#options;
      const answer = await caller.call(moveService.describeMoves, leaderId, request, options);
      return answer.moves.map(({ copiedCount, entryCount, groupId, isSnapshotting }) => ({
        groupId,
        isSnapshotting,
        percent: entryCount === 0 ? 100 : Math.floor((copiedCount / entryCount) * 100),
      }));
    } catch {
      return []; // Progress is a courtesy: the list is worth having without it.
    }
  }
}

function viewOf(topic: string | undefined, image: PartitionImage): ReassignmentView[] {
  const { groupId, move, partition, replicaIds } = image;
  if (topic === undefined || move === undefined) return [];
  const { state, targetIds } = move;
  const [addingIds, removingIds] = [addingIdsOf(image), removingIdsOf(image)];
  return [{ topic, partition, groupId, replicaIds, targetIds, addingIds, removingIds, state }];
}

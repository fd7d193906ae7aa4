import {
  type CommitOffsetsRequest,
  crc32c,
  type DescribeGroupRequest,
  type DescribeGroupResponse,
  type FetchOffsetsRequest,
  type FetchOffsetsResponse,
  groupService,
  type GroupSummary,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type ListGroupsResponseInit,
  RopewalkError,
} from "@ropewalk/protocol";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { AnswerSize } from "../peer/request-codec.ts";
import type { GroupCoordinator, Patience, Principal } from "../ports.ts";
import type { RemoteCall, RemoteCaller } from "../remote-caller.ts";
import { Turns } from "../turns.ts";
import type { GroupPartitionCoordinator } from "./group-coordinator.ts";
import { checkHeartbeat } from "./heartbeat-check.ts";

/** The internal topic that keeps consumer groups; Kafka's name. */
export const groupsTopic = "__consumer_offsets";

/** What routing needs. */
export interface GroupRouterOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly caller: RemoteCaller;
  /** Partitions of the internal topic; 0 while it does not exist. */
  readonly partitionCount: () => number;
  /** Leader of a partition of the internal topic; 0: none known. */
  readonly leaderOf: (partition: number) => number;
  readonly createTopic: () => Promise<void>;
  readonly timeoutMs: number;
}

const groupIdCharsMax = 249;
/** One that does not answer holds nobody else up but those that wait for its turn to end. */
const coordinatorsAskedAtOnceMax = 16;
const waitMs = 20;
/** About as long as an election takes. */
const coordinatorWaitMs = 1000;
const expiryMs = 250;

/** What one coordinator answered. */
interface CoordinatedGroups {
  readonly groups: readonly GroupSummary[];
  readonly errors: readonly {
    readonly code: "COORDINATOR_NOT_AVAILABLE";
    readonly message: string;
  }[];
}

/**
 * Brings calls about a consumer group to its coordinator: the leader of the partition of the internal
 * topic that the group's id falls on. The topic is made when the first group needs it.
 */
export class GroupRouter implements GroupCoordinator {
  readonly #options: GroupRouterOptions;
  readonly #coordinators = new Map<number, GroupPartitionCoordinator>();
  #expiryTimer: Timer | undefined;
  #stopped = false;

  constructor(options: GroupRouterOptions) {
    this.#options = options;
    this.#answerCalls(options.caller);
    this.#scheduleExpiry();
  }

  /** This broker has a replica of the internal topic's partition. */
  add(partition: number, coordinator: GroupPartitionCoordinator): void {
    this.#coordinators.set(partition, coordinator);
  }

  /** It has none any more, or not now: what the coordinator knows is not kept. */
  remove(partition: number): void {
    this.#coordinators.delete(partition);
  }

  stop(): void {
    this.#stopped = true;
    this.#expiryTimer?.cancel();
  }

  heartbeat(
    _principal: Principal,
    request: HeartbeatRequest,
    patience?: Patience,
  ): Promise<HeartbeatResponse> {
    checkHeartbeat(request);
    return this.#route(request.groupId, groupService.heartbeat, request, patience);
  }

  async commitOffsets(
    _principal: Principal,
    request: CommitOffsetsRequest,
    patience?: Patience,
  ): Promise<void> {
    await this.#route(request.groupId, groupService.commitOffsets, request, patience);
  }

  fetchOffsets(
    _principal: Principal,
    request: FetchOffsetsRequest,
    patience?: Patience,
  ): Promise<FetchOffsetsResponse> {
    const call = groupService.fetchOffsets;
    return this.#route(request.groupId, call, request, patience, "large");
  }

  describeGroup(
    _principal: Principal,
    request: DescribeGroupRequest,
    patience?: Patience,
  ): Promise<DescribeGroupResponse> {
    const call = groupService.describeGroup;
    return this.#route(request.groupId, call, request, patience, "large");
  }

  async listGroups(
    _principal: Principal,
    patience: Patience = {},
  ): Promise<ListGroupsResponseInit> {
    const { clock, leaderOf, partitionCount } = this.#options;
    const endMs = clock.monotonicMs() + this.#timeoutMs(patience);
    const partitions = Array.from({ length: partitionCount() }, (_, partition) => partition);
    const leaders = [...new Set(partitions.map((partition) => leaderOf(partition)))];
    const turns = new Turns(coordinatorsAskedAtOnceMax);
    const answers = await Promise.all(
      leaders.map(async (leaderId) => {
        await turns.take();
        return this.#groupsOf(leaderId, endMs).finally(() => turns.giveBack());
      }),
    );
    const groups = answers.flatMap((answer) => answer.groups);
    const errors = answers.flatMap((answer) => answer.errors);
    return { groups: groups.toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1)), errors };
  }

  /** The groups that a broker coordinates, or why they are missing; asks until `endMs` at the most. */
  async #groupsOf(leaderId: number, endMs: number): Promise<CoordinatedGroups> {
    const { caller, clock } = this.#options;
    try {
      if (leaderId === 0) throw new Error("no coordinator is known");
      const timeoutMs = Math.max(1, Math.ceil(endMs - clock.monotonicMs()));
      const { groups } = await caller.call(groupService.listGroups, leaderId, {}, { timeoutMs });
      return { groups, errors: [] };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `Some groups are missing: ${why}`;
      return { groups: [], errors: [{ code: "COORDINATOR_NOT_AVAILABLE", message }] };
    }
  }

  /** Passes the call on, and again while its coordinator is certainly not there yet. */
  async #route<Request, RequestInit, Response, ResponseInit>(
    groupId: string,
    call: RemoteCall<Request, RequestInit, Response, ResponseInit>,
    request: RequestInit,
    patience: Patience = {},
    answerSize: AnswerSize = "small",
  ): Promise<Response> {
    checkGroupId(groupId);
    const { caller, clock, leaderOf } = this.#options;
    const deadlineMs = clock.monotonicMs() + this.#timeoutMs(patience);
    const partition = await this.#partitionOf(groupId, deadlineMs);
    for (;;) {
      const leaderId = leaderOf(partition);
      try {
        const timeoutMs = Math.max(1, Math.ceil(deadlineMs - clock.monotonicMs()));
        if (leaderId !== 0)
          return await caller.call(call, leaderId, request, { timeoutMs, answerSize });
      } catch (error) {
        if (!(error instanceof RopewalkError) || error.code !== "NOT_COORDINATOR") throw error;
      }
      if (clock.monotonicMs() >= deadlineMs) throw coordinatorMissing(groupId);
      await new Promise<void>((resolve) => void clock.setTimer(waitMs, resolve));
    }
  }

  #timeoutMs({ timeoutMs = this.#options.timeoutMs }: Patience): number {
    return Math.min(timeoutMs, this.#options.timeoutMs);
  }

  async #partitionOf(groupId: string, deadlineMs: number): Promise<number> {
    const { clock, createTopic, partitionCount } = this.#options;
    if (partitionCount() === 0) await createTopic();
    while (partitionCount() === 0) {
      // The controller made it; this broker has not heard of it yet.
      if (clock.monotonicMs() >= deadlineMs) throw coordinatorMissing(groupId);
      await new Promise<void>((resolve) => void clock.setTimer(waitMs, resolve));
    }
    return groupPartition(groupId, partitionCount());
  }

  #answerCalls(caller: RemoteCaller): void {
    caller.handle(groupService.heartbeat, (request) =>
      this.#coordinator(request.groupId).heartbeat(request),
    );
    caller.handle(groupService.commitOffsets, async (request) => {
      await this.#coordinator(request.groupId).commitOffsets(request);
      return {};
    });
    caller.handle(groupService.fetchOffsets, async (request) =>
      this.#coordinator(request.groupId).fetchOffsets(request),
    );
    caller.handle(groupService.describeGroup, async (request) =>
      this.#coordinator(request.groupId).describeGroup(request, this.#options.brokerId),
    );
    caller.handle(groupService.listGroups, async () => ({
      groups: [...this.#coordinators.values()].flatMap((each) => each.listGroups()),
    }));
  }

  #coordinator(groupId: string): GroupPartitionCoordinator {
    const partition = groupPartition(groupId, Math.max(1, this.#options.partitionCount()));
    const coordinator = this.#coordinators.get(partition);
    if (coordinator !== undefined) return coordinator;
    throw new RopewalkError("NOT_COORDINATOR", `Cannot coordinate group ${groupId} here`);
  }

  #scheduleExpiry(): void {
    if (this.#stopped) return;
    this.#expiryTimer = this.#options.clock.setTimer(expiryMs, () => {
      void this.#expireSessions().finally(() => this.#scheduleExpiry());
    });
  }

  async #expireSessions(): Promise<void> {
    for (const coordinator of this.#coordinators.values()) {
      try {
        await coordinator.expireSessions();
      } catch (error) {
        this.#options.logger.warn("silent group members could not be taken out yet", { error });
      }
    }
  }
}

/** The partition of the internal topic that a group falls on. */
function groupPartition(groupId: string, partitionCount: number): number {
  const bytes = new TextEncoder().encode(groupId);
  return crc32c(bytes, 0, bytes.length) % partitionCount;
}

function checkGroupId(groupId: string): void {
  // oxlint-disable-next-line no-control-regex -- Control characters are what is looked for.
  const fault =
    groupId === "" || groupId.length > groupIdCharsMax || /[\u0000-\u001f]/.test(groupId);
  if (!fault) return;
  throw new RopewalkError(
    "INVALID_GROUP_ID",
    `Cannot use group id ${JSON.stringify(groupId.slice(0, 64))}: it must have 1 to ${groupIdCharsMax} characters, none of them a control character`,
  );
}

function coordinatorMissing(groupId: string): RopewalkError {
  return new RopewalkError(
    "COORDINATOR_NOT_AVAILABLE",
    `Cannot reach the coordinator of group ${groupId}: its partition of ${groupsTopic} has no leader`,
    { retryAfterMs: coordinatorWaitMs },
  );
}

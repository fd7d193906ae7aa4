import {
  type CommitOffsetsRequest,
  type DescribeGroupRequest,
  type DescribeGroupResponseInit,
  type FetchOffsetsRequest,
  type FetchOffsetsResponseInit,
  type GroupSummaryInit,
  type HeartbeatRequest,
  type HeartbeatResponseInit,
  RopewalkError,
} from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { BrokerLimits } from "../config.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import { expectMayCommit, expectOffsets } from "./commit-check.ts";
import {
  type CommittedOffset,
  encodeGroupCommand,
  type GroupCommand,
  listAssignment,
  toAssignment,
} from "./group-codec.ts";
import type { GroupMachine, GroupOutcome } from "./group-machine.ts";
import {
  assignmentOf,
  emptyMembership,
  isStable,
  memberGone,
  memberReported,
  type Membership,
  type PartitionCounts,
} from "./group-membership.ts";
import { offsetPage } from "./offset-page.ts";

/** What a coordinator needs. */
export interface GroupCoordinatorOptions {
  readonly group: Pick<RaftGroup, "leadership" | "leaderId">;
  readonly machine: GroupMachine;
  readonly propose: (action: string, command: Uint8Array) => Promise<GroupOutcome>;
  /** The id of a topic that exists. */
  readonly topicId: (name: string) => string | undefined;
  readonly clock: Clock;
  readonly limits: BrokerLimits;
  readonly partitionCounts: (topics: readonly string[]) => PartitionCounts;
}

/** What a coordinator remembers of a member without replicating it; a new coordinator starts afresh. */
interface Session {
  lastHeardMs: number;
  /** The newest epoch the member has reported; an older report came late and is not believed. */
  lastEpoch: number;
}

/** What was committed for a partition; an offset of -1: nothing. */
type AskedOffset = Pick<CommittedOffset, "topic" | "partition" | "offset" | "metadata">;

/**
 * Coordinates the consumer groups of one partition of their internal topic, at its leader. It decides
 * on what was proposed last, and answers from what is committed.
 */
export class GroupPartitionCoordinator {
  readonly #options: GroupCoordinatorOptions;
  /** Memberships that were proposed and are not applied yet, each made of the one before. */
  readonly #drafts = new Map<string, readonly Membership[]>();
  readonly #sessions = new Map<string, Map<string, Session>>();

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options;
  }

  /** Leadership came or went: nobody is held to what happened before. */
  reset(): void {
    this.#drafts.clear();
    this.#sessions.clear();
  }

  async heartbeat(request: HeartbeatRequest): Promise<HeartbeatResponseInit> {
    this.#expectLeading(request.groupId);
    if (request.memberEpoch === -1) return this.#leave(request);
    const current = this.#latest(request.groupId);
    const session = this.#admit(request, current);
    const next = this.#report(request, current, session);
    session.lastHeardMs = this.#options.clock.monotonicMs();
    session.lastEpoch = Math.max(session.lastEpoch, request.memberEpoch);
    if (next !== current) await this.#changeMembership(next);
    return this.#heartbeatAnswer(request);
  }

  async commitOffsets(request: CommitOffsetsRequest): Promise<void> {
    this.#expectLeading(request.groupId);
    this.#checkCommit(request);
    const { groupId } = request;
    if (request.offsets.length === 0) return;
    // A topic that is made again under the same name is another one: offsets belong to its id.
    const offsets = request.offsets.map((offset) => ({
      ...offset,
      topicId: this.#options.topicId(offset.topic) ?? "",
    }));
    await this.#propose(`commit offsets of group ${groupId}`, {
      kind: "offsetsCommitted",
      groupId,
      offsets,
    });
  }

  fetchOffsets(request: FetchOffsetsRequest): FetchOffsetsResponseInit {
    this.#expectLeading(request.groupId);
    const { items: offsets, nextPageToken } = offsetPage(this.#askedOffsets(request), request);
    return { offsets, nextPageToken };
  }

  #askedOffsets({ groupId, partitions: asked }: FetchOffsetsRequest): readonly AskedOffset[] {
    const known = this.#offsetsOf(groupId);
    if (asked.length === 0) return [...known.values()];
    return asked.flatMap(({ topic, partitions }) =>
      partitions.map(
        (partition) =>
          known.get(`${topic} ${partition}`) ?? { topic, partition, offset: -1, metadata: "" },
      ),
    );
  }

  listGroups(): GroupSummaryInit[] {
    if (this.#options.group.leadership.kind !== "leading") return [];
    return [...this.#options.machine.groups()].map(([groupId, { membership }]) => ({
      groupId,
      state: stateOf(membership),
      memberCount: membership.members.size,
    }));
  }

  describeGroup(
    request: Pick<DescribeGroupRequest, "groupId" | "pageSize" | "pageToken">,
    brokerId: number,
  ): DescribeGroupResponseInit {
    const { groupId } = request;
    this.#expectLeading(groupId);
    const group = this.#options.machine.group(groupId);
    if (group === undefined) {
      throw new RopewalkError(
        "GROUP_ID_NOT_FOUND",
        `Cannot describe group ${groupId}: it does not exist`,
      );
    }
    const { membership } = group;
    const offsets = offsetPage([...this.#offsetsOf(groupId).values()], request);
    return {
      groupId,
      nextPageToken: offsets.nextPageToken,
      state: stateOf(membership),
      groupEpoch: membership.epoch,
      coordinatorId: brokerId,
      members: [...membership.members.values()].map((member) => ({
        memberId: member.memberId,
        clientId: member.clientId,
        memberEpoch: this.#sessions.get(groupId)?.get(member.memberId)?.lastEpoch ?? 0,
        assignment: listAssignment(assignmentOf(member)),
      })),
      offsets: offsets.items.map(({ topic, partition, offset }) => ({
        topic,
        partition,
        committedOffset: offset,
        highWatermark: -1,
      })),
    };
  }

  /** Takes out members that were silent for longer than their session. */
  async expireSessions(): Promise<void> {
    const { clock, group, machine } = this.#options;
    if (group.leadership.kind !== "leading") return;
    const nowMs = clock.monotonicMs();
    for (const groupId of machine.groups().keys()) {
      for (const { memberId, sessionTimeoutMs } of this.#latest(groupId).members.values()) {
        const session = this.#session(groupId, memberId);
        if (nowMs - session.lastHeardMs > sessionTimeoutMs) await this.#remove(groupId, memberId);
      }
    }
  }

  async #leave({ groupId, memberId }: HeartbeatRequest): Promise<HeartbeatResponseInit> {
    await this.#remove(groupId, memberId);
    return { memberEpoch: -1 };
  }

  async #remove(groupId: string, memberId: string): Promise<void> {
    const current = this.#latest(groupId);
    const next = memberGone(current, memberId, this.#partitionCounts(current));
    this.#sessions.get(groupId)?.delete(memberId);
    if (next !== current) await this.#changeMembership(next);
  }

  /** The member's session; throws where the group does not know it at the epoch it claims. */
  #admit(request: HeartbeatRequest, current: Membership): Session {
    const { groupId, memberId, memberEpoch } = request;
    const known = current.members.has(memberId);
    if (memberEpoch === 0) {
      if (!known && current.members.size >= this.#options.limits.membersPerGroupMax) {
        throw new RopewalkError(
          "BUSY",
          `Cannot join group ${groupId}: it has ${current.members.size} members`,
        );
      }
      return this.#session(groupId, memberId);
    }
    if (!known) {
      throw new RopewalkError(
        "UNKNOWN_MEMBER_ID",
        `Cannot stay in group ${groupId}: ${memberId} is not in it`,
      );
    }
    if (memberEpoch > current.epoch) {
      throw new RopewalkError(
        "FENCED_MEMBER_EPOCH",
        `Cannot stay in group ${groupId} at epoch ${memberEpoch}: the group is at ${current.epoch}`,
      );
    }
    return this.#session(groupId, memberId);
  }

  #report(request: HeartbeatRequest, current: Membership, session: Session): Membership {
    const { memberId, memberEpoch, clientId, topics } = request;
    // A report that was overtaken by a newer one says nothing of what the member reads now. A join is one, too: that of
    // a member that has spoken as one since may be a copy of its first, come late, while it reads what it was granted. One
    // that does join again loses nothing: what it reads then it says with its next heartbeat.
    if (memberEpoch < session.lastEpoch && current.members.has(memberId)) return current;
    const report = {
      memberId,
      clientId,
      topics,
      sessionTimeoutMs: request.sessionTimeoutMs || this.#options.limits.groupSessionTimeoutMs,
      owned: toAssignment(request.owned),
    };
    // One that joins, is known, and has said nothing since has not heard that it was taken in: what it was granted then
    // is nobody else's, and it reads nothing of it.
    return memberReported(current, report, this.#partitionCounts(current, topics));
  }

  #heartbeatAnswer({ groupId, memberId }: HeartbeatRequest): HeartbeatResponseInit {
    const membership = this.#options.machine.group(groupId)?.membership;
    const member = membership?.members.get(memberId);
    if (membership === undefined || member === undefined) {
      throw new RopewalkError(
        "BUSY",
        `Cannot answer ${memberId} of group ${groupId} yet: it is just joining`,
      );
    }
    return {
      memberEpoch: membership.epoch,
      heartbeatIntervalMs: this.#options.limits.groupHeartbeatMs,
      assignment: listAssignment(assignmentOf(member)),
    };
  }

  /**
   * A commit comes behind all memberships that were proposed before it, so that it is held against the latest of them, too:
   * where the disk of this broker is slow, others may have applied it, and read on from where the group was.
   */
  #checkCommit(request: CommitOffsetsRequest): void {
    const { groupId } = request;
    const applied = this.#options.machine.group(groupId)?.membership ?? emptyMembership(groupId);
    const memberships = new Set([applied, this.#latest(groupId)]);
    for (const membership of memberships) expectMayCommit(request, membership);
    expectOffsets(request, (topic) => this.#options.partitionCounts([topic]).get(topic) ?? 0);
  }

  async #changeMembership(membership: Membership): Promise<void> {
    const { groupId } = membership;
    this.#drafts.set(groupId, [...(this.#drafts.get(groupId) ?? []), membership]);
    try {
      const action = `change group ${groupId}`;
      const outcome = await this.#propose(action, { kind: "membershipChanged", membership });
      if (outcome === "overtaken") {
        throw new RopewalkError("BUSY", `Cannot ${action}: another change came first`);
      }
    } finally {
      // Drafts that were built on one that failed are refused when they are applied.
      const left = (this.#drafts.get(groupId) ?? []).filter((draft) => draft !== membership);
      if (left.length > 0) this.#drafts.set(groupId, left);
      else this.#drafts.delete(groupId);
    }
  }

  #propose(action: string, command: GroupCommand): Promise<GroupOutcome> {
    return this.#options.propose(action, encodeGroupCommand(command));
  }

  /** What the group committed, without what it committed for topics that are gone. */
  #offsetsOf(groupId: string): ReadonlyMap<string, CommittedOffset> {
    const offsets = this.#options.machine.group(groupId)?.offsets ?? [];
    return new Map(
      [...offsets].filter(([, { topic, topicId }]) => this.#options.topicId(topic) === topicId),
    );
  }

  #latest(groupId: string): Membership {
    return (
      this.#drafts.get(groupId)?.at(-1) ??
      this.#options.machine.group(groupId)?.membership ??
      emptyMembership(groupId)
    );
  }

  #partitionCounts(membership: Membership, more: readonly string[] = []): PartitionCounts {
    const topics = [...membership.members.values()].flatMap((member) => member.topics);
    return this.#options.partitionCounts([...topics, ...more]);
  }

  /** A member that is not known here yet (a new coordinator) has a whole session to show itself. */
  #session(groupId: string, memberId: string): Session {
    let members = this.#sessions.get(groupId);
    if (members === undefined) this.#sessions.set(groupId, (members = new Map<string, Session>()));
    let session = members.get(memberId);
    if (session === undefined) {
      session = { lastHeardMs: this.#options.clock.monotonicMs(), lastEpoch: 0 };
      members.set(memberId, session);
    }
    return session;
  }

  #expectLeading(groupId: string): void {
    const { leadership, leaderId } = this.#options.group;
    if (leadership.kind === "leading") return;
    throw new RopewalkError(
      "NOT_COORDINATOR",
      `Cannot coordinate group ${groupId} here`,
      leaderId === 0 ? {} : { leaderId },
    );
  }
}

function stateOf(membership: Membership): "EMPTY" | "STABLE" | "RECONCILING" {
  if (membership.members.size === 0) return "EMPTY";
  return isStable(membership) ? "STABLE" : "RECONCILING";
}

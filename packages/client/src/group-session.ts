import { type CommittedOffset, groupService, RopewalkError } from "@ropewalk/protocol";
import { pause } from "./backoff.ts";
import type { ClusterConnection } from "./cluster-connection.ts";
import { followPages } from "./follow-pages.ts";
import {
  byTopic,
  type GrantedPartition,
  GroupMember,
  type TopicPartition,
} from "./group-member.ts";

/** How a consumer takes part in a group. */
export interface GroupSessionOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** The coordinator forgets a member that is silent for so long; 0: its default. */
  readonly sessionTimeoutMs: number;
}

/** A partition and the offset of the next record to read. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: number;
  /** As in `ConsumerPosition`: it is not committed once the partition was given up. */
  readonly grant?: string | undefined;
}

/** What the session tells the consumer. */
export interface GroupSessionHandler {
  /** Read these from now on. */
  onGranted(partitions: readonly GrantedPartition[]): void;
  /** Stop reading these and commit how far they are; others get them once this resolves. */
  onRevoked(partitions: readonly TopicPartition[]): Promise<void>;
  /** Others may read these already: stop, and do not commit. */
  onLost(partitions: readonly TopicPartition[]): void;
  /** The coordinator has answered for the first time, or again. */
  onAssigned(): void;
  /** The session is over. */
  onFailed(error: RopewalkError): void;
}

/** How long one heartbeat may take, attempts at several brokers included. */
const heartbeatTimeoutMs = 10_000;

const commitTimeoutMs = 10_000;
const fetchOffsetsTimeoutMs = 10_000;

/** How long the end waits for the heartbeat that is under way. */
const lastHeartbeatMsMax = 1_000;

/** How long leaving may delay the end; the coordinator forgets a silent member anyway. */
const leaveTimeoutMs = 2_000;

/** What is heard of the coordinator where it says nothing. */
const heartbeatIntervalMsDefault = 3_000;

/** Keeps a member in its group: heartbeats, assignments, commits, and joining anew when it was forgotten. */
export class GroupSession {
  readonly #cluster: ClusterConnection;
  readonly #options: GroupSessionOptions;
  readonly #handler: GroupSessionHandler;
  readonly #member: GroupMember;
  // No further heartbeat is begun …
  readonly #stopped = new AbortController();
  // … and nobody waits for what is under way.
  readonly #cancelled = new AbortController();
  #mayBeMember = false;
  #running: Promise<void> = Promise.resolve();
  // A commit carries the epoch of the last heartbeat, so the two take turns.
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    cluster: ClusterConnection,
    options: GroupSessionOptions,
    handler: GroupSessionHandler,
  ) {
    this.#cluster = cluster;
    this.#options = options;
    this.#handler = handler;
    const memberId = cluster.random.uuid();
    this.#member = new GroupMember({ ...options, memberId, clientId: cluster.clientId });
  }

  /** Joins the group. */
  start(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const backoff = this.#cluster.backoff();
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        const pauseMs = await this.#beat();
        backoff.reset();
        if (pauseMs > 0) await pause(this.#cluster.clock, pauseMs, signal);
      } catch (failure) {
        if (!(failure instanceof RopewalkError)) throw failure;
        if (signal.aborted) return;
        if (!this.#canGoOn(failure)) {
          this.#handler.onFailed(failure);
          return;
        }
        await pause(this.#cluster.clock, backoff.nextMs(failure.retryAfterMs), signal);
      }
    }
  }

  /** One heartbeat and what follows from it; answers the pause before the next one. */
  async #beat(): Promise<number> {
    const options = {
      action: `Cannot stay in group ${this.#options.groupId}`,
      timeoutMs: heartbeatTimeoutMs,
      retry: "any",
      signal: this.#cancelled.signal,
    } as const;
    const response = await this.#inTurn(() => {
      this.#mayBeMember = true;
      return this.#cluster.call(groupService.heartbeat, this.#member.heartbeat(), options);
    });
    const { revoked, granted } = this.#member.answered(response);
    if (revoked.length > 0) {
      await this.#handler.onRevoked(revoked);
      this.#member.released(revoked);
    }
    if (granted.length > 0) this.#handler.onGranted(granted);
    this.#handler.onAssigned();
    // The coordinator waits to hear that it was followed, and perhaps others wait for it.
    if (revoked.length > 0 || granted.length > 0) return 0;
    return response.heartbeatIntervalMs > 0
      ? response.heartbeatIntervalMs
      : heartbeatIntervalMsDefault;
  }

  #canGoOn(error: RopewalkError): boolean {
    if (error.code !== "UNKNOWN_MEMBER_ID" && error.code !== "FENCED_MEMBER_EPOCH")
      return error.retriable;
    this.#cluster.logger.warn("The consumer was put out of its group and joins again.", {
      groupId: this.#options.groupId,
      memberId: this.#member.memberId,
      error,
    });
    this.#handler.onLost(this.#member.fenced());
    return true;
  }

  /** Where the group is in these partitions; those without a committed offset are left out. */
  async committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    const { groupId } = this.#options;
    const options = {
      action: `Cannot read the offsets of group ${groupId}`,
      timeoutMs: fetchOffsetsTimeoutMs,
      retry: "any",
      signal: this.#cancelled.signal,
    } as const;
    const asked = byTopic(partitions);
    const committed: CommittedOffset[] = [];
    await followPages(async (pageToken) => {
      const request = { groupId, partitions: asked, pageToken };
      const page = await this.#cluster.call(groupService.fetchOffsets, request, options);
      committed.push(...page.offsets.filter(({ offset }) => offset >= 0));
      return page.nextPageToken;
    });
    return committed;
  }

  /**
   * Commits. Rejects where the member was put out of the group, or nobody answers in time; and where it has given a partition
   * up since the offset was known, or the commit asked for: another member may have gone on in it, and even where it came
   * back the group would be taken back to where this one was.
   */
  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    const { groupId } = this.#options;
    const options = {
      action: `Cannot commit offsets of group ${groupId}`,
      timeoutMs: commitTimeoutMs,
      retry: "any",
    } as const;
    const asked = offsets.map((one) => this.#askedWith(one));
    await this.#inTurn(() => {
      const givenUp = asked.find(({ isStillGood }) => !isStillGood());
      if (givenUp !== undefined) throw gaveUp(groupId, givenUp.offset);
      const { memberId, epoch } = this.#member;
      const request = { groupId, memberId, memberEpoch: epoch, offsets };
      return this.#cluster.call(groupService.commitOffsets, request, options);
    });
  }

  /** An offset of a partition that the member does not read is for the coordinator to judge, unless it comes back meanwhile. */
  #askedWith(offset: PartitionOffset): {
    readonly offset: PartitionOffset;
    readonly isStillGood: () => boolean;
  } {
    const member = this.#member;
    const grant = offset.grant ?? member.grantOf(offset);
    const isNew = grant === undefined && !member.hasRead(offset);
    const isStillGood = (): boolean => isNew || member.grantOf(offset) === grant;
    return { offset, isStillGood };
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** Ends the heartbeats; commits are still possible until `leave`. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    // A heartbeat that is under way may be a join: were it overtaken by the leave, it would make a member
    // that nobody is.
    const isOver = new AbortController();
    await Promise.race([
      this.#running,
      pause(this.#cluster.clock, lastHeartbeatMsMax, isOver.signal),
    ]);
    isOver.abort();
    this.#cancelled.abort();
    await this.#running;
  }

  /** Leaves the group, so that others get the partitions at once. */
  async leave(): Promise<void> {
    if (!this.#mayBeMember) return;
    const options = {
      action: `Cannot leave group ${this.#options.groupId}`,
      timeoutMs: leaveTimeoutMs,
      retry: "any",
    } as const;
    try {
      await this.#cluster.call(groupService.heartbeat, this.#member.leave(), options);
    } catch (error) {
      this.#cluster.logger.debug("The group will notice by itself that its member left.", {
        error,
      });
    }
  }
}

function gaveUp(groupId: string, { partition, topic }: TopicPartition): RopewalkError {
  const message = `Cannot commit offsets of group ${groupId}: the member has given ${topic}-${partition} up since`;
  return new RopewalkError("FENCED_MEMBER_EPOCH", message);
}

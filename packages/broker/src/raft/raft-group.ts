import assert from "node:assert/strict";
import { patchBatch } from "@ropewalk/protocol";
import type { GroupKey, GroupLog, GroupWrite, LogEntry } from "@ropewalk/log";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import {
  APPEND_THREAD,
  APPLY_THREAD,
  type ConfChange,
  type ConfState,
  decodeConfChange,
  type Message,
  type ProgressStatus,
  type Ready,
  type Snapshot,
  type StepOutcome,
} from "raft-ts";
import type { GroupConfig, GroupHandle, GroupRoute } from "raft-ts/multi";
import type { BrokerLimits } from "../config.ts";
import type { LedPartition } from "../health/under-replication.ts";
import { expectBehindLog } from "./applied-state-check.ts";
import { GroupStorage, type GroupStorageEvents } from "./group-storage.ts";
import { successorOf } from "./leader-succession.ts";
import {
  firstMembers,
  isMember,
  isVoter,
  type MemberedMachine,
  type Members,
} from "./member-record.ts";
import { ProposalQueue } from "./proposal-queue.ts";
import type { StateImage } from "./state-image.ts";
import type { Turns } from "../turns.ts";
import type { Leadership, ProposalListener, StateMachine } from "./state-machine.ts";

/** What a group hands to its host during a pass. */
export interface PassOutput {
  /** To be made durable together with the other groups' writes. */
  write(group: RaftGroup, write: GroupWrite): void;
  /** Raft messages that wait for this pass's writes, and those before, to be durable. */
  afterDurable(group: RaftGroup, responses: readonly Message[]): void;
  /** A message that may leave at once. */
  send(group: RaftGroup, message: Message): void;
}

/** How a group is made. */
export interface RaftGroupOptions {
  /** The group's name on the wire; that of its log where they are the same. */
  readonly key?: GroupKey;
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly log: GroupLog;
  readonly machine: StateMachine;
  /** The members, where they never change or the machine was restored with no others; the first is meant to lead. */
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** The members, where they do. */
  readonly membership?: GroupMembership;
  /** What this broker held of the group up to this entry was on another disk. Default 0: nothing. */
  readonly lostThroughIndex?: number;
  readonly limits: BrokerLimits;
  /** Pages that are read from logs at a time, shared with other groups. */
  readonly reads?: Turns;
  /** Stored entries are not what was written. */
  readonly damaged: (group: RaftGroup, error: unknown) => void;
  /** A replica needs what the log does not hold any more. Absent: such a log is never cut. */
  readonly snapshotWanted?: (group: RaftGroup) => Snapshot | "unavailable";
}

/** How the members of a group change. */
export interface GroupMembership {
  /** The group's machine, which keeps who they are. */
  readonly record: MemberedMachine;
  /** Whether this broker is meant to lead. */
  readonly isPreferred: () => boolean;
  /** The assignment that brought this replica; until it is a member by it, it does not vote. 0: it always was. */
  readonly joinedAt: number;
  /** The assignment that brought a member's replica, as far as the metadata here says: which one of the broker's it is. */
  readonly joinedAtOf: (brokerId: number) => number;
  /** Whether so many bytes may be sent to a member that only learns. */
  readonly admitToLearner: (bytes: number) => boolean;
  /** A change was applied. */
  readonly changed: (group: RaftGroup) => void;
}

/** How far the members of a group are. */
export type GroupProgress = Omit<LedPartition, "topic" | "partition">;

/** After so long entries are asked for again that could not be read. */
const readRetryMs = 100;

/** What came of `propose`. */
export type Proposed =
  | { readonly kind: "appended"; readonly index: number; readonly baseOffset: number }
  | { readonly kind: "notLeading" }
  | { readonly kind: "busy" };

/**
 * One replica of one Raft group: the node of raft-ts, its log, the state machine that its entries are
 * applied to, and who waits for them.
 */
export class RaftGroup {
  readonly key: GroupKey;
  readonly log: GroupLog;
  readonly #firstConfState: ConfState;
  readonly #membership: GroupMembership | undefined;
  /** What the group's node is made of. */
  readonly config: GroupConfig;
  /** The node, once the host has taken the group in. */
  #node: GroupHandle<RaftGroup> | undefined;
  readonly #machine: StateMachine;
  readonly #brokerId: number;
  readonly #isPreferred: () => boolean;
  readonly #proposals = new ProposalQueue();
  #leadership: Leadership = { kind: "following", term: 0, leaderId: 0 };
  /** What the log has on record, durable or on its way there. */
  #writtenTerm: number;
  #writtenVote: number;
  /** The offset that the next proposed batch gets; valid while leading. */
  #nextOffset = 0;
  #handedOutIndex = 0;
  #readRetry: Timer | undefined;
  #isStopped = false;

  constructor(options: RaftGroupOptions) {
    const { log, machine, membership, voters, learners, limits } = options;
    this.key = options.key ?? log.key;
    this.log = log;
    this.#membership = membership;
    this.#isPreferred = membership?.isPreferred ?? ((): boolean => voters[0] === options.brokerId);
    this.#machine = machine;
    this.#brokerId = options.brokerId;
    expectBehindLog(log, machine);
    this.#writtenTerm = log.hardState.term;
    this.#writtenVote = log.hardState.vote;
    this.#firstConfState = machine.restoredConfState ?? {
      voters,
      learners,
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    const events: GroupStorageEvents = {
      fetched: () => this.#node?.entriesFetched(),
      damaged: (error) => options.damaged(this, error),
      readFailed: (error, retry) => this.#readFailed(options, error, retry),
      snapshotWanted: () => options.snapshotWanted?.(this) ?? "unavailable",
    };
    const { confState } = this;
    const storage = new GroupStorage(log, confState, machine.restoredIndex, events, options.reads);
    this.config = {
      storage,
      applied: machine.restoredIndex,
      maxSizePerMsg: limits.appendBytesMax,
      maxCommittedSizePerReady: limits.applyBytesMax,
      maxUncommittedEntriesSize: limits.uncommittedBytesMax,
      maxInflightMsgs: limits.appendsInFlightMax,
      maxInflightBytes: limits.appendBytesInFlightMax,
      disableProposalForwarding: true,
      stepDownOnRemoval: true,
      abstains: !this.hasJoined,
      lostThroughIndex: options.lostThroughIndex ?? 0,
      replicaOf: (id) => {
        if (membership === undefined) return 0;
        return id === options.brokerId ? membership.joinedAt : membership.joinedAtOf(id);
      },
      ...(membership === undefined ? {} : { admitToLearner: membership.admitToLearner }),
    };
  }

  /** Who belongs to the group as of `appliedIndex`. */
  get confState(): ConfState {
    const { members } = this.#membership?.record ?? {};
    return members?.confState ?? this.#node?.confState ?? this.#firstConfState;
  }

  /** Who belongs to the group as of `appliedIndex`, and by whose word. */
  get members(): Members {
    return this.#membership?.record.members ?? firstMembers(this.#firstConfState.voters);
  }

  /** Whether the log holds the entry that made this replica a member, in its present incarnation. */
  get hasJoined(): boolean {
    if (this.#membership === undefined || this.#membership.joinedAt === 0) return true;
    const { joinedAt, record } = this.#membership;
    const { assignmentId, confState } = record.members;
    return assignmentId >= joinedAt && isMember(confState, this.#brokerId);
  }

  /** The newest assignment that the members were changed for; see `Members`. */
  get assignmentId(): number {
    return this.#membership?.record.members.assignmentId ?? 0;
  }

  /** Leader: what is known of every member; empty elsewhere. */
  memberProgress(): readonly ProgressStatus[] {
    return this.#node?.status().progress ?? [];
  }

  /** Leader: whether leadership is on its way to another member. */
  get isHandingOver(): boolean {
    return this.#node !== undefined && this.#node.transferTarget !== 0;
  }

  /**
   * Leader: proposes other members; answers the index of the entry, until whose application no other change is
   * accepted. `undefined` where nothing was proposed.
   */
  proposeMembers(change: ConfChange): number | undefined {
    if (this.#leadership.kind !== "leading") return undefined;
    const outcome = this.#node?.proposeConfChange(change);
    return outcome?.kind === "appended" || outcome?.kind === "refused" ? outcome.index : undefined;
  }

  /** Leader: begins to pass leadership to a voter. */
  handOverTo(brokerId: number): void {
    if (this.#leadership.kind === "leading") this.#node?.transferLeader(brokerId);
  }

  /** Entries that a learner had to wait for may be sent. */
  learnersAdmitted(): void {
    this.#node?.learnersAdmitted();
  }

  /** What a message of this group to another broker names. */
  routeTo(brokerId: number): GroupRoute {
    return this.#node?.routeTo(brokerId) ?? this.key;
  }

  /** The host has taken the group in. */
  attach(node: GroupHandle<RaftGroup>): void {
    this.#node = node;
  }

  get leadership(): Leadership {
    return this.#leadership;
  }

  /** The leader as far as this replica knows; 0: none. */
  get leaderId(): number {
    return this.#node?.leaderId ?? 0;
  }

  get term(): number {
    return this.#node?.term ?? this.#writtenTerm;
  }

  /** The last entry that was applied. */
  get appliedIndex(): number {
    return this.#machine.appliedIndex;
  }

  /** The state of the machine as of `appliedIndex`. */
  takeImage(): StateImage {
    return this.#machine.takeImage();
  }

  /**
   * Whether a leader's snapshot holds what the log of this replica does not, so that the log has to give way to
   * it. Everything else about snapshots the node decides.
   */
  lacks({ snapshot, term }: Message): boolean {
    const node = this.#node;
    if (node === undefined || snapshot === undefined) return false;
    if (term < node.term || snapshot.index <= node.committed) return false;
    const isIncluded = isMember(snapshot.confState, this.#brokerId);
    return isIncluded && node.termAt(snapshot.index) !== snapshot.term;
  }

  /**
   * A member has another replica since the assignment `joinedAt`, which holds nothing of what the one before had
   * acknowledged. To be given another one it had left the group. Whoever leads, and counts it as a voter by an older assignment, was
   * not asked about that: there is a later leader, or its own log has more than it knows to be committed. The new
   * replica knows of neither, and would commit with it what nobody else has.
   */
  memberReplaced(brokerId: number, joinedAt: number): void {
    const { assignmentId, confState } = this.members;
    if (isVoter(confState, brokerId) && assignmentId < joinedAt) this.#node?.stepDown();
    else this.forgetProgress(brokerId);
  }

  /** Leader: what this member acknowledged so far counts no more. See `RawNode.forgetProgress`. */
  forgetProgress(brokerId: number): void {
    this.#node?.forgetProgress(brokerId);
  }

  /** Whether this is the replica that is meant to lead, and nobody does. */
  get wantsToLead(): boolean {
    return this.#isPreferred() && this.leaderId === 0;
  }

  /**
   * Where this broker leads: how far every voter is; one that only learns is on its way. `undefined` elsewhere, and for a
   * group that sleeps, for everybody in it who is alive has everything.
   */
  progress(isAlive: (brokerId: number) => boolean): GroupProgress | undefined {
    const node = this.#node;
    if (this.#leadership.kind !== "leading" || node === undefined) return undefined;
    if (node.isAsleep && node.confState.voters.every((id) => isAlive(id))) return undefined;
    const { committed, progress, term } = node.status();
    const voters = progress.filter(({ isLearner }) => !isLearner);
    const members = voters.map(({ id, match }) => {
      return { brokerId: id, matchIndex: match, isAlive: isAlive(id) };
    });
    return { term, committedIndex: committed, members };
  }

  /** Asks for an election soon; harmless where there is a leader (pre-vote). */
  campaign(): void {
    this.#node?.campaign();
  }

  /**
   * Begins to pass leadership to the replica that has most of the log among those that may lead, where this
   * broker leads and another is there; answers whether it does.
   */
  handOver(mayLead: (brokerId: number) => boolean = (): boolean => true): boolean {
    const node = this.#node;
    if (this.#leadership.kind !== "leading" || node === undefined) return false;
    const successorId = successorOf(this.#brokerId, node.status().progress, mayLead);
    if (successorId !== 0) node.transferLeader(successorId);
    return successorId !== 0;
  }

  /**
   * Appends a record batch to the log of the group that this broker leads: gives it its offset and
   * term, which lie outside its checksum. The listener hears once what came of it.
   */
  propose(batch: Uint8Array, recordCount: number, listener: ProposalListener): Proposed {
    const node = this.#node;
    if (this.#leadership.kind !== "leading" || node === undefined) return { kind: "notLeading" };
    const baseOffset = this.#nextOffset;
    patchBatch(batch, 0, baseOffset, node.term);
    const index = this.#append(node, batch, listener);
    if (index === undefined) return { kind: "busy" };
    this.#nextOffset += recordCount;
    return { kind: "appended", index, baseOffset };
  }

  /** Appends an entry that takes no offset: a bare command, as `encodeBareCommand` makes it. */
  proposeBare(command: Uint8Array, listener: ProposalListener): Proposed {
    const node = this.#node;
    if (this.#leadership.kind !== "leading" || node === undefined) return { kind: "notLeading" };
    const index = this.#append(node, command, listener);
    if (index === undefined) return { kind: "busy" };
    return { kind: "appended", index, baseOffset: this.#nextOffset };
  }

  /**
   * Appends a change of the membership; it is in force once it was applied. `refused`: another one is under way,
   * or it does not fit to the membership as it is.
   */
  proposeMembership(
    change: ConfChange,
    listener: ProposalListener,
  ): Proposed | { readonly kind: "refused" } {
    const node = this.#node;
    if (this.#leadership.kind !== "leading" || node === undefined) return { kind: "notLeading" };
    const outcome = node.proposeConfChange(change);
    if (outcome.kind === "refused") return { kind: "refused" };
    if (outcome.kind !== "appended") return { kind: "busy" };
    const { index, term } = outcome;
    this.#proposals.push({ index, term, listener });
    return { kind: "appended", index, baseOffset: this.#nextOffset };
  }

  /** Does what the node wants done, or hands it to the host. */
  collect(ready: Ready, output: PassOutput): void {
    if (ready.softState !== undefined) this.#leadershipMayHaveChanged();
    for (const message of ready.messages) this.#dispatch(message, output);
  }

  /** Entries up to `index` are durable on this broker. */
  persistedThrough(index: number): void {
    this.#proposals.persisted(index);
  }

  /** What these messages waited for is durable. */
  deliver(responses: readonly Message[], send: PassOutput["send"]): void {
    for (const response of responses) {
      if (response.to === this.#brokerId) this.#step(response);
      else send(this, response);
    }
  }

  /** The last entry that was handed out to be written. */
  get handedOutIndex(): number {
    return this.#handedOutIndex;
  }

  /** The replica goes away: whoever waits for an entry is told that its fate is unknown. */
  stop(): void {
    this.#isStopped = true;
    this.#readRetry?.cancel();
    this.#become({ kind: "following", term: this.term, leaderId: 0 });
  }

  /** Answers the index; `undefined`: too much is on its way already. */
  #append(
    node: GroupHandle<RaftGroup>,
    data: Uint8Array,
    listener: ProposalListener,
  ): number | undefined {
    const outcome = node.propose(data);
    if (outcome.kind !== "appended") return undefined;
    this.#proposals.push({ index: outcome.index, term: outcome.term, listener });
    return outcome.index;
  }

  // Retention may have been faster, or the disk is busy with itself: asked again, the log says what there is.
  #readFailed({ clock, logger }: RaftGroupOptions, error: unknown, retry: () => void): void {
    if (this.#isStopped) return;
    logger.warn("entries could not be read for now", { ...this.key, error });
    this.#readRetry = clock.setTimer(readRetryMs, retry);
  }

  #dispatch(message: Message, output: PassOutput): void {
    if (message.to === APPEND_THREAD) this.#handOutAppend(message, output);
    else if (message.to === APPLY_THREAD) this.#apply(message);
    else output.send(this, message);
  }

  #handOutAppend(message: Message, output: PassOutput): void {
    const { entries, term, vote, commit } = message;
    assert(message.snapshot === undefined, "a snapshot is taken in before the node hears of it");
    const stateChanged = term !== 0 && (term !== this.#writtenTerm || vote !== this.#writtenVote);
    if (entries.length > 0 || stateChanged) {
      if (stateChanged) {
        this.#writtenTerm = term;
        this.#writtenVote = vote;
      }
      const hardState = {
        term: this.#writtenTerm,
        vote: this.#writtenVote,
        commit: Math.max(commit, this.#node?.committed ?? 0),
      };
      output.write(this, { group: this.log, hardState, entries });
    }
    const last = entries.at(-1);
    if (last !== undefined) this.#handedOutIndex = last.index;
    if (message.responses.length > 0) output.afterDurable(this, message.responses);
  }

  #apply(message: Message): void {
    for (const entry of message.entries) {
      if (entry.type !== "normal") this.#changeMembers(entry);
      this.#machine.apply(entry);
      this.#proposals.applied(entry.index, entry.term);
      if (this.#leadership.kind === "following") this.#leadershipMayHaveChanged(entry.term);
    }
    const last = message.entries.at(-1);
    if (last !== undefined) this.log.markCommitted(last.index);
    for (const response of message.responses) this.#step(response);
  }

  #changeMembers(entry: LogEntry): void {
    const { changed, record } = this.#membership ?? {};
    const node = this.#node;
    if (node === undefined) return;
    if (record === undefined) {
      this.#machine.membershipChanged?.(node.applyConfChange(decodeConfChange(entry)));
      return;
    }
    // What was kept beside the log may contain the change already.
    if (record.contains(entry)) return;
    const change = decodeConfChange(entry);
    record.changed(entry, change, node.applyConfChange(change));
    if (this.hasJoined) node.endAbstention();
    changed?.(this);
  }

  /**
   * A leader counts as leading only once an entry of its own term was applied: before that it may not
   * know of everything that was acknowledged, nor which producers' batches the log holds.
   */
  #leadershipMayHaveChanged(appliedTerm?: number): void {
    if (this.#node === undefined) return;
    const { role, term, leaderId } = this.#node;
    if (role === "leader" && appliedTerm === term) {
      this.#nextOffset = this.log.endOffset();
      this.#become({ kind: "leading", term });
    } else if (role !== "leader" || this.#leadership.term !== term) {
      this.#become({ kind: "following", term, leaderId });
    }
  }

  #step(message: Message): StepOutcome | undefined {
    return this.#node?.step(message);
  }

  #become(leadership: Leadership): void {
    const before = this.#leadership;
    this.#leadership = leadership;
    if (before.kind === "leading") this.#proposals.abandon();
    this.#machine.leadershipChanged(leadership);
  }
}

import { assert } from "./assert.ts";
import type { ConfChange } from "./conf-change.ts";
import { encodeConfChange } from "./conf-change.ts";
import type { ConfState } from "./conf-state.ts";
import type { Config } from "./config.ts";
import { resolveConfig } from "./config.ts";
import { startCampaign } from "./election.ts";
import type { Entry, EntryType } from "./entry.ts";
import { entriesBytes } from "./entry.ts";
import { forgetLeader } from "./follower.ts";
import { forgetProgress, handleSnapshotStatus, handleUnreachable } from "./leader.ts";
import { applyConfChange, confChangesHandedOut } from "./membership.ts";
import {
  createMessage,
  isLocalType,
  isResponseType,
  isStorageThread,
  NO_MESSAGES,
} from "./message.ts";
import type { Message } from "./message.ts";
import type { ProposeOutcome } from "./proposal.ts";
import { propose } from "./proposal.ts";
import { PublishedState } from "./published-state.ts";
import { Raft } from "./raft.ts";
import { NO_READ_STATES } from "./read-only.ts";
import type { Ready } from "./ready.ts";
import { fillWindow } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Role, Status } from "./status.ts";
import { progressStatus } from "./status.ts";
import { step } from "./step.ts";
import type { StepOutcome } from "./step-outcome.ts";
import { storageAppend, storageAppended, storageApplied, storageApply } from "./storage-message.ts";
import type { StorageWrite } from "./storage-message.ts";
import { tick } from "./tick.ts";

/**
 * One member of one group. Everything is synchronous: messages and ticks go in, and what is to be stored,
 * sent and applied comes out of {@link ready}. It knows no clock, no disk and no network.
 *
 * A {@link RaftInvariantError} out of any method means that the contract with the owner is broken or the
 * storage lost what it had promised: the node must be thrown away.
 */
export class RawNode {
  readonly #raft: Raft;
  readonly #async: boolean;
  /** Without asynchronous writes: what `advance()` has to deliver to this node. */
  #onAdvance: Message[] = [];
  readonly #published: PublishedState;

  constructor(config: Config) {
    const raft = new Raft(resolveConfig(config));
    this.#raft = raft;
    this.#async = raft.config.asyncStorageWrites;
    becomeFollower(raft, raft.term, 0);
    raft.onEvent?.({
      kind: "started",
      term: raft.term,
      commit: raft.log.committed,
      applied: raft.log.applied,
      last: raft.log.lastEntryId(),
      voters: raft.tracker.config.voters,
    });
    this.#published = new PublishedState(raft);
  }

  get id(): number {
    return this.#raft.id;
  }

  get term(): number {
    return this.#raft.term;
  }

  /** Who leads the current term, as far as this node knows; 0 = nobody. */
  get leaderId(): number {
    return this.#raft.leaderId;
  }

  get role(): Role {
    return this.#raft.role;
  }

  /** Highest index known to be committed. */
  get committed(): number {
    return this.#raft.log.committed;
  }

  /** Highest index the owner reported as applied. */
  get applied(): number {
    return this.#raft.log.applied;
  }

  /** Last index of the log, durable or not. */
  get lastIndex(): number {
    return this.#raft.log.lastIndex();
  }

  /** The term of the entry at `index`; 0 where there is none or it is not known any more. */
  termAt(index: number): number {
    return this.#raft.log.termOrZero(index);
  }

  /** The membership in force. */
  get confState(): ConfState {
    return this.#raft.tracker.config;
  }

  /** To whom this leader is transferring leadership; 0 = nobody. */
  get transferTarget(): number {
    return this.#raft.transferTarget;
  }

  /** Bytes of proposals in the log of this leader that are not applied yet. */
  get uncommittedBytes(): number {
    return this.#raft.uncommittedBytes;
  }

  /** Advances the clock by one tick. Ticks that could not be delivered in time are dropped, not repeated. */
  tick(): void {
    tick(this.#raft);
  }

  /**
   * Takes a message from another node, or a response that was attached to storage work. Never throws on
   * a late, repeated or reordered message.
   */
  step(message: Message): StepOutcome {
    const fromStorage = isStorageThread(message.from);
    if (isLocalType(message.type) && !fromStorage) return "localMessage";
    if (
      isResponseType(message.type) &&
      !fromStorage &&
      this.#raft.tracker.get(message.from) === undefined
    ) {
      return "peerNotFound";
    }
    return step(this.#raft, message);
  }

  /** Campaigns now, if this node may. */
  campaign(): void {
    startCampaign(this.#raft, this.#raft.config.preVote ? "preElection" : "election");
  }

  /** Proposes one entry. `data` is kept by reference and must not change any more. */
  propose(data: Uint8Array): ProposeOutcome {
    return propose(this.#raft, this.#raft.id, [{ index: 0, term: 0, type: "normal", data }]);
  }

  /**
   * Proposes several entries that stand side by side in the log and leave in the same message, all or
   * none. The outcome names the last one.
   */
  proposeBatch(batch: readonly Uint8Array[]): ProposeOutcome {
    const entries = batch.map((data) => ({ index: 0, term: 0, type: "normal" as const, data }));
    return propose(this.#raft, this.#raft.id, entries);
  }

  /**
   * Proposes a membership change. It is in force only when its entry was applied and given to
   * {@link applyConfChange}. `entryType` "confChange" marks a single step as one that old readers know.
   */
  proposeConfChange(
    change: ConfChange,
    entryType: Exclude<EntryType, "normal"> = "confChangeV2",
  ): ProposeOutcome {
    const data = encodeConfChange(change);
    return propose(this.#raft, this.#raft.id, [{ index: 0, term: 0, type: entryType, data }]);
  }

  /**
   * Puts a committed membership change in force, and answers the membership to store with the applied
   * index. The owner calls this while it applies the entry, in the order of the log and before it
   * reports the entry as applied. A change that does not fit has no effect, on any node.
   */
  applyConfChange(change: ConfChange): ConfState {
    return applyConfChange(this.#raft, change);
  }

  /**
   * Asks for an index at which a read is not stale. The answer comes as a ReadState with `context`, a
   * safe integer of the caller's choice; it may never come, and the caller asks again.
   */
  readIndex(context: number): StepOutcome {
    const message = createMessage("MsgReadIndex", this.#raft.id);
    message.from = this.#raft.id;
    message.context = context;
    return step(this.#raft, message);
  }

  /** Asks the leader, this node or another, to hand leadership to `to`. */
  transferLeader(to: number): void {
    const message = createMessage("MsgTransferLeader", this.#raft.id);
    message.from = to;
    step(this.#raft, message);
  }

  /**
   * Leader or candidate: becomes a follower of nobody in its term, because the owner knows that another node does
   * better. It stays promotable; what it proposed may still be committed. Nothing is sent.
   */
  stepDown(): void {
    const raft = this.#raft;
    if (raft.role !== "follower") becomeFollower(raft, raft.term, 0);
  }

  /** Follower: drops its loyalty to the leader, because the owner knows that the leader is gone. */
  forgetLeader(): void {
    forgetLeader(this.#raft);
  }

  /** Leader: tells that the last message to `id` did not reach it. */
  reportUnreachable(id: number): void {
    const peer = this.#leadersPeer(id);
    if (peer !== undefined) handleUnreachable(this.#raft, peer);
  }

  /** Leader: tells what became of the snapshot that was sent to `id`. Must be called when it failed. */
  reportSnapshot(id: number, result: "finish" | "failure"): void {
    const peer = this.#leadersPeer(id);
    if (peer !== undefined) handleSnapshotStatus(this.#raft, peer, result === "failure");
  }

  /**
   * Leader: `id` has lost entries that it acknowledged, as its owner knows for certain, and takes no part in the
   * group until it was given all of them anew. Its acknowledgements so far count no more; those of later
   * do. What this leader committed with their help stays committed: before the member comes back it
   * must have everything up to an entry that was proposed after this call and committed.
   */
  forgetProgress(id: number): void {
    const peer = this.#leadersPeer(id);
    if (peer !== undefined && id !== this.#raft.id) forgetProgress(this.#raft, peer);
  }

  /** Whether this node takes no part in elections; see `Config.abstains`. */
  get abstains(): boolean {
    return this.#raft.abstains;
  }

  /** The node's log holds the entry that added it: from now on it takes part in elections. */
  endAbstention(): void {
    this.#raft.abstains = false;
  }

  /** Tells that learners which were held back may be sent entries; see `Config.admitToLearner`. */
  learnersAdmitted(): void {
    const raft = this.#raft;
    if (raft.role !== "leader") return;
    for (const member of raft.tracker.members) {
      if (!member.heldBack) continue;
      member.heldBack = false;
      fillWindow(raft, member);
    }
  }

  /** Tells that entries which storage answered as "pending" can be had now. */
  entriesFetched(): void {
    const raft = this.#raft;
    raft.log.entriesFetched();
    if (raft.role !== "leader") return;
    for (const member of raft.tracker.members) {
      if (!member.fetchPending) continue;
      member.fetchPending = false;
      fillWindow(raft, member);
    }
  }

  /** Whether {@link ready} has anything to say. Cheap enough to ask after every step. */
  hasReady(): boolean {
    const raft = this.#raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.log.unstable.hasNextEntries() ||
      raft.log.hasNextCommittedEntries(!this.#async) ||
      this.#published.hasNews() ||
      raft.log.unstable.nextSnapshot() !== undefined ||
      raft.readStates.length > 0
    );
  }

  /**
   * Everything to be done now. The caller must do it: the node counts it as handed out. It may be empty
   * when entries to apply turned out to be "pending".
   */
  ready(): Ready {
    const raft = this.#raft;
    assert(this.#onAdvance.length === 0, "advance() was called for the Ready before");
    const entries = raft.log.unstable.nextEntries();
    const mustSync = entries.length > 0 || this.#published.isFlushDue();
    const hardState = this.#published.takeHard();
    const snapshot = raft.log.unstable.nextSnapshot();
    const committedEntries = raft.log.nextCommittedEntries(!this.#async);
    if (this.#async) this.#queueStorageWork({ hardState, entries, snapshot }, committedEntries);
    else this.#queueSelfWork(snapshot, committedEntries);
    const ready: Ready = {
      softState: this.#published.takeSoft(),
      hardState,
      // A list that is handed out is never pushed to again.
      readStates: raft.readStates.length === 0 ? NO_READ_STATES : raft.readStates,
      entries,
      snapshot,
      committedEntries,
      messages: raft.messages.length === 0 ? NO_MESSAGES : raft.messages,
      mustSync,
    };
    this.#accept(ready);
    return ready;
  }

  /** Tells that everything of the last {@link ready} is done. Only without asynchronous storage writes. */
  advance(): void {
    assert(!this.#async, "with asynchronous storage writes responses take the place of advance()");
    const messages = this.#onAdvance;
    this.#onAdvance = [];
    for (const message of messages) step(this.#raft, message);
  }

  /** A copy of everything this node knows. */
  status(): Status {
    const raft = this.#raft;
    return {
      id: raft.id,
      role: raft.role,
      term: raft.term,
      vote: raft.vote,
      leaderId: raft.leaderId,
      committed: raft.log.committed,
      applied: raft.log.applied,
      lastIndex: raft.log.lastIndex(),
      transferTarget: raft.transferTarget,
      config: raft.tracker.config,
      progress: raft.role === "leader" ? raft.tracker.members.map(progressStatus) : [],
    };
  }

  /** Ticks without a leader after which this node campaigns; drawn anew with every term. */
  get randomizedElectionTimeout(): number {
    return this.#raft.randomizedElectionTimeout;
  }

  /** Sets the election timeout of the current term: for tests and simulations that place elections. */
  overrideElectionTimeout(ticks: number): void {
    assert(ticks >= 1, "an election timeout is at least one tick");
    this.#raft.randomizedElectionTimeout = ticks;
  }

  #leadersPeer(id: number): ReturnType<Raft["tracker"]["get"]> {
    return this.#raft.role === "leader" ? this.#raft.tracker.get(id) : undefined;
  }

  /** Adds the work for the owner's storage to the messages. */
  #queueStorageWork(write: StorageWrite, committedEntries: readonly Entry[]): void {
    const append = storageAppend(this.#raft, write);
    if (append !== undefined) this.#raft.messages.push(append);
    const apply = storageApply(this.#raft, committedEntries);
    if (apply !== undefined) this.#raft.messages.push(apply);
  }

  /** Splits what waits for the write: answers to others may leave after it, own ones come at advance(). */
  #queueSelfWork(snapshot: Snapshot | undefined, committedEntries: readonly Entry[]): void {
    const raft = this.#raft;
    for (const message of raft.messagesAfterAppend) {
      if (message.to === raft.id) this.#onAdvance.push(message);
      else raft.messages.push(message);
    }
    const appended = storageAppended(raft, snapshot);
    if (appended !== undefined) this.#onAdvance.push(appended);
    const applied = storageApplied(raft, committedEntries);
    if (applied !== undefined) this.#onAdvance.push(applied);
  }

  /** Notes that everything in `ready` was handed out. */
  #accept(ready: Ready): void {
    const raft = this.#raft;
    if (raft.readStates.length > 0) raft.readStates = [];
    if (raft.messages.length > 0) raft.messages = [];
    if (raft.messagesAfterAppend.length > 0) raft.messagesAfterAppend = [];
    raft.log.unstable.acceptInProgress();
    const lastApplying = ready.committedEntries.at(-1);
    if (lastApplying === undefined) return;
    confChangesHandedOut(raft, ready.committedEntries);
    const bytes = entriesBytes(ready.committedEntries);
    raft.log.acceptApplying(lastApplying.index, bytes, !this.#async);
  }
}

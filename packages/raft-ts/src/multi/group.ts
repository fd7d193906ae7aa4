import type { ConfChange } from "../conf-change.ts";
import { isVoter } from "../conf-state.ts";
import type { ConfState } from "../conf-state.ts";
import type { EntryType } from "../entry.ts";
import type { Message } from "../message.ts";
import type { ProposeOutcome } from "../proposal.ts";
import type { RawNode } from "../raw-node.ts";
import type { Role, Status } from "../status.ts";
import type { StepOutcome } from "../step-outcome.ts";
import type { GroupHandle } from "./group-handle.ts";
import type { GroupKey, GroupRoute } from "./group-key.ts";
import { HeartbeatRecord } from "./heartbeat-record.ts";

/** Who schedules groups. */
export interface GroupScheduler<Owner> {
  /** Something happened to the group, by the hand of `cause` (0 = its owner). */
  activity(group: Group<Owner>, cause: number): void;
  /** The group may have something to hand out. */
  touched(group: Group<Owner>): void;
  /** The group wants a leader. */
  electionWanted(group: Group<Owner>, delayTicks: number): void;
}

/**
 * How far a group is from sleep. `drowsy` is a leader that has nothing to do and waits for everybody to
 * say that they sleep.
 */
export type Wakefulness = "awake" | "drowsy" | "asleep";

/** A node and what the layer above it must remember of it. */
export class Group<Owner> implements GroupHandle<Owner> {
  readonly key: GroupKey;
  readonly owner: Owner;
  readonly node: RawNode;
  readonly #scheduler: GroupScheduler<Owner>;
  readonly #replicaOf: (nodeId: number) => number;

  wakefulness: Wakefulness = "awake";
  isRemoved = false;
  /** Ticks since something other than heartbeats happened; of a drowsy leader, since it is drowsy. */
  idleTicks = 0;
  /**
   * Ticks since the node's election clock was certainly at zero: never less than what the clock shows,
   * so that no election begins unnoticed.
   */
  electionTicks = 0;
  isElectionQueued = false;
  /** The last leader that was not heard in time, and is not known to be gone; 0: none. */
  doubtedId = 0;
  /** Elections in a row that were not begun because the node does not want to lead. */
  electionsDenied = 0;
  /** Of an election that is queued: see `WaitingCandidate`. */
  rivalTick = 0;
  turnTick = 0;

  /** Follower: the last full heartbeat, for which light ones of the same sender stand. */
  heardFrom = 0;
  heardTerm = 0;
  heardCommit = 0;
  /** Follower: whether the last heartbeat was light, and so its answer may be. */
  heardLight = false;
  /** Follower: whether the last heartbeat told it to sleep. */
  isSleepOffered = false;

  /** Leader: by peer; undefined until it is needed, for sleeping groups are many. */
  #records: HeartbeatRecord[] | undefined;
  /** Drowsy leader: who sleeps. */
  sleepers: number[] | undefined;

  constructor(
    key: GroupKey,
    owner: Owner,
    node: RawNode,
    scheduler: GroupScheduler<Owner>,
    replicaOf: (nodeId: number) => number = (): number => 0,
  ) {
    this.key = key;
    this.owner = owner;
    this.node = node;
    this.#scheduler = scheduler;
    this.#replicaOf = replicaOf;
  }

  routeTo(nodeId: number): GroupRoute {
    const fromReplica = this.#replicaOf(this.node.id);
    const toReplica = this.#replicaOf(nodeId);
    return fromReplica === 0 && toReplica === 0
      ? this.key
      : { ...this.key, fromReplica, toReplica };
  }

  accepts(from: number, { fromReplica = 0, toReplica = 0 }: GroupRoute): boolean {
    return toReplica === this.#replicaOf(this.node.id) && fromReplica >= this.#replicaOf(from);
  }

  get isAsleep(): boolean {
    return this.wakefulness === "asleep";
  }
  get term(): number {
    return this.node.term;
  }
  get leaderId(): number {
    return this.node.leaderId;
  }
  get role(): Role {
    return this.node.role;
  }
  get committed(): number {
    return this.node.committed;
  }
  get applied(): number {
    return this.node.applied;
  }
  get lastIndex(): number {
    return this.node.lastIndex;
  }
  get confState(): ConfState {
    return this.node.confState;
  }
  get transferTarget(): number {
    return this.node.transferTarget;
  }
  get uncommittedBytes(): number {
    return this.node.uncommittedBytes;
  }
  termAt(index: number): number {
    return this.node.termAt(index);
  }
  status(): Status {
    return this.node.status();
  }

  step(message: Message): StepOutcome {
    this.#scheduler.activity(this, message.from);
    return this.stepQuietly(message);
  }

  /** Takes a message that by itself is no reason to be awake. */
  stepQuietly(message: Message): StepOutcome {
    const { role, term } = this.node;
    const outcome = this.node.step(message);
    // A new term and a new role start the election clock; so does a leader that is followed.
    if (this.node.term !== term || this.#hasLeft(role) || this.#isFromOwnLeader(message)) {
      this.electionTicks = 0;
    }
    this.#scheduler.touched(this);
    return outcome;
  }

  propose(data: Uint8Array): ProposeOutcome {
    this.#scheduler.activity(this, 0);
    return this.node.propose(data);
  }

  proposeBatch(batch: readonly Uint8Array[]): ProposeOutcome {
    this.#scheduler.activity(this, 0);
    return this.node.proposeBatch(batch);
  }

  proposeConfChange(change: ConfChange, entryType?: Exclude<EntryType, "normal">): ProposeOutcome {
    this.#scheduler.activity(this, 0);
    return this.node.proposeConfChange(change, entryType);
  }

  applyConfChange(change: ConfChange): ConfState {
    this.#scheduler.activity(this, 0);
    return this.node.applyConfChange(change);
  }

  readIndex(context: number): StepOutcome {
    this.#scheduler.activity(this, 0);
    return this.node.readIndex(context);
  }

  transferLeader(to: number): void {
    this.#scheduler.activity(this, 0);
    this.node.transferLeader(to);
  }

  stepDown(): void {
    this.#scheduler.activity(this, 0);
    if (this.node.role !== "follower") this.resign();
  }

  reportSnapshot(id: number, result: "finish" | "failure"): void {
    this.#scheduler.activity(this, 0);
    this.node.reportSnapshot(id, result);
  }

  forgetProgress(id: number): void {
    this.#scheduler.activity(this, 0);
    this.node.forgetProgress(id);
  }

  entriesFetched(): void {
    this.#scheduler.activity(this, 0);
    this.node.entriesFetched();
  }

  learnersAdmitted(): void {
    this.#scheduler.activity(this, 0);
    this.node.learnersAdmitted();
  }

  endAbstention(): void {
    this.#scheduler.activity(this, 0);
    this.node.endAbstention();
  }

  campaign(): void {
    this.#scheduler.activity(this, 0);
    this.#scheduler.electionWanted(this, 0);
  }

  wake(): void {
    this.#scheduler.activity(this, 0);
  }

  /** Whether this node may vote, and so campaigns when it hears of no leader. */
  get isVoter(): boolean {
    return !this.node.abstains && isVoter(this.node.confState, this.node.id);
  }

  /** Whether the next tick may make a voter campaign by itself: it heard of no leader for so long. */
  get isElectionDue(): boolean {
    return this.electionTicks + 1 >= this.node.randomizedElectionTimeout;
  }

  /** Ticks the node. A leader that steps down starts its election clock. */
  tick(): void {
    const { role } = this.node;
    this.node.tick();
    this.electionTicks = role === "leader" ? 0 : this.electionTicks + 1;
  }

  /** Begins an election, if the node may; the clock of one that was due starts anew. */
  startElection(): void {
    if (this.isElectionDue) {
      this.tick();
      if (this.node.role !== "follower") this.electionTicks = 0;
    } else {
      this.node.campaign();
    }
    this.#scheduler.touched(this);
  }

  /** Gives up leading, or trying to. */
  resign(): void {
    this.node.stepDown();
    this.electionTicks = 0;
    this.#scheduler.touched(this);
  }

  /** What is known of the heartbeats to `peerId`. */
  record(peerId: number): HeartbeatRecord {
    this.#records ??= [];
    for (const record of this.#records) if (record.peerId === peerId) return record;
    const record = new HeartbeatRecord(peerId);
    this.#records.push(record);
    return record;
  }

  dropRecords(): void {
    this.#records = undefined;
    this.sleepers = undefined;
  }

  #hasLeft(role: Role): boolean {
    return this.node.role !== role && this.node.role !== "preCandidate";
  }

  #isFromOwnLeader(message: Message): boolean {
    const { type, from, term } = message;
    const isLeaders = type === "MsgHeartbeat" || type === "MsgApp" || type === "MsgSnap";
    return isLeaders && term === this.node.term && from === this.node.leaderId;
  }
}

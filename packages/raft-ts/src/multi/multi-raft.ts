import { assert, RaftInvariantError } from "../assert.ts";
import { NO_MESSAGES } from "../message.ts";
import type { Message } from "../message.ts";
import { RawNode } from "../raw-node.ts";
import type { Ready } from "../ready.ts";
import type { StepOutcome } from "../step-outcome.ts";
import { type Candidacy, hasRival } from "./candidacy.ts";
import { Elections } from "./elections.ts";
import type { GroupHandle } from "./group-handle.ts";
import type { GroupKey, GroupRoute } from "./group-key.ts";
import { Group } from "./group.ts";
import type { GroupScheduler } from "./group.ts";
import { HeartbeatExchange, stayAwake } from "./heartbeat-exchange.ts";
import { leaderMaySleep, otherMembers } from "./hibernation.ts";
import { loseLeader, loseProcess, rememberProcess } from "./lost-process.ts";
import { newCounters } from "./multi-counters.ts";
import type { MultiRaftCounters } from "./multi-counters.ts";
import { nodeConfig, resolveOptions } from "./multi-config.ts";
import type { GroupConfig, MultiRaftOptions, ResolvedOptions } from "./multi-config.ts";
import { isEmpty } from "./pass-sink.ts";
import type { PassSink } from "./pass-sink.ts";
import type { PeerBatch } from "./peer-batch.ts";
import { Peers } from "./peers.ts";
import { VisitLine } from "./visit-line.ts";

/** What became of a message. The last two: the group is not here, or it, or one of the replicas, is another one. */
export type ReceiveOutcome = StepOutcome | "unknownGroup" | "otherIncarnation";

/** Calls of `ready()` for one group before the others get their turn again. */
const ROUNDS_PER_VISIT_MAX = 16;

/**
 * All groups of one node. Like a single node it is pure: messages, batches and ticks go in, and `pass()`
 * says what is to be stored and sent, visiting only groups that something happened to.
 *
 * The owner's loop: hand in all messages and batches that have arrived; then, if time has passed,
 * `tick()`; then `pass()`. A tick before waiting input is drained would take its senders for silent.
 */
export class MultiRaft<Owner> {
  readonly counters: MultiRaftCounters = newCounters();
  readonly #options: ResolvedOptions;
  readonly #groups = new Map<number, Group<Owner>>();
  /** Those that are ticked. */
  readonly #awake = new Set<Group<Owner>>();
  /** Those that the next pass visits. */
  readonly #dirty = new VisitLine<Group<Owner>>();
  readonly #peers: Peers;
  readonly #exchange: HeartbeatExchange<Owner>;
  readonly #elections: Elections<Owner>;
  readonly #scheduler: GroupScheduler<Owner>;
  /** Whether the interval ended, so that every peer gets a batch. */
  #isBeatDue = false;
  /** Groups with heartbeats of the interval that ended are still to be visited. */
  #isBeatUnfinished = false;
  #isUrgent = false;
  #isWorkSignalled = false;
  #candidacy: Candidacy = "willing";

  constructor(options: MultiRaftOptions) {
    const resolved = resolveOptions(options);
    this.#options = resolved;
    this.#peers = new Peers(resolved.nodeId, resolved.epoch);
    this.#elections = new Elections(resolved, {
      peers: this.#peers,
      counters: this.counters,
      candidacy: () => this.#candidacy,
      touched: (group) => this.#touched(group),
      callAwake: (group, peerId) => this.#callAwake(group, peerId),
      guard: this.#guard,
    });
    this.#scheduler = {
      activity: (group, cause) => this.#activity(group, cause),
      touched: (group) => this.#touched(group),
      electionWanted: (group, delayTicks) => this.#elections.request(group, delayTicks),
    };
    this.#exchange = new HeartbeatExchange(resolved.nodeId, {
      find: (key) => this.#find(key),
      outgoing: (peerId) => this.#peers.get(peerId).outgoing,
      wake: (group, cause) => this.#wake(group, cause),
      sleep: (group) => this.#sleep(group),
      hibernates: this.hibernates,
      isGone: (peerId) => this.#peers.isGone(peerId),
      guard: this.#guard,
    });
  }

  get nodeId(): number {
    return this.#options.nodeId;
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  /** Groups that are ticked; the others hibernate. */
  get awakeCount(): number {
    return this.#awake.size;
  }

  /** Whether idle groups are sent to sleep. */
  get hibernates(): boolean {
    return this.#options.coalesceHeartbeats && this.#options.hibernateAfterTicks > 0;
  }

  groups(): Iterable<GroupHandle<Owner>> {
    return this.#groups.values();
  }

  group(key: GroupKey): GroupHandle<Owner> | undefined {
    return this.#find(key);
  }

  /** Starts a group, awake. Throws if one of that id is here, in whatever incarnation: remove it first. */
  add(key: GroupKey, config: GroupConfig, owner: Owner): GroupHandle<Owner> {
    assert(!this.#groups.has(key.groupId), `group ${key.groupId} is not there yet`);
    const node = new RawNode(nodeConfig(this.#options, config));
    const group = new Group(key, owner, node, this.#scheduler, config.replicaOf);
    this.#groups.set(key.groupId, group);
    this.#awake.add(group);
    for (const id of otherMembers(node)) this.#peers.get(id);
    this.#touched(group);
    return group;
  }

  /** Stops a group: its storage is not read any more. Members that sleep on its leadership are woken. */
  remove(key: GroupKey): void {
    const group = this.#find(key);
    if (group === undefined) return;
    group.isRemoved = true;
    this.#groups.delete(key.groupId);
    this.#awake.delete(group);
    this.#dirty.delete(group);
    if (group.node.role === "leader") this.#sayFarewell(group);
  }

  /** How this node takes part in elections; `willing` at first. */
  get candidacy(): Candidacy {
    return this.#candidacy;
  }

  /** Unless it is `willing`, the node gives up what it leads, and the others hear of it at once. */
  setCandidacy(candidacy: Candidacy): void {
    if (candidacy === this.#candidacy) return;
    this.#candidacy = candidacy;
    for (const group of this.#groups.values()) {
      group.electionsDenied = 0;
      const mustResign = candidacy !== "willing" && hasRival(group);
      if (mustResign) this.#guard(group, () => this.#resign(group));
    }
  }

  /** Takes a message of another node for one of the groups. */
  receive(route: GroupRoute, message: Message): ReceiveOutcome {
    const group = this.#groups.get(route.groupId);
    if (group === undefined) return "unknownGroup";
    if (group.key.incarnation !== route.incarnation) return "otherIncarnation";
    if (!group.accepts(message.from, route)) return "otherIncarnation";
    // The leader wants to hand over to this node: it goes on when it sees that nothing comes of it.
    if (message.type === "MsgTimeoutNow" && this.#candidacy !== "willing") return "done";
    this.#elections.heard(group, message);
    const outcome = this.#guard(group, () => group.step(message)) ?? "done";
    // The one way to an election that leads past the line.
    const campaigns = message.type === "MsgTimeoutNow" && group.node.role !== "follower";
    if (campaigns) this.#elections.takeBackFarewell(group);
    return outcome;
  }

  /** Takes a batch of another node. A batch for somebody else, a late or repeated one has no effect. */
  receiveBatch(batch: PeerBatch): void {
    if (batch.to !== this.nodeId || batch.from === this.nodeId) return;
    const peer = this.#peers.get(batch.from);
    const { isGone } = peer;
    const sign = peer.heard(batch);
    if (sign === "stale") {
      this.counters.batchesStale++;
      return;
    }
    if (sign === "restarted") this.#loseProcess(peer.id);
    else if (isGone) rememberProcess(this.#groups.values(), peer.id, this.#scheduler);
    if (sign === "restarted" || sign === "returned") {
      this.#options.onPeerEvent?.({ kind: sign, peerId: peer.id });
    }
    for (const key of batch.wakes) this.#takeWake(batch, key);
    this.counters.itemsUnknownGroup += this.#exchange.take(batch);
  }

  /** Tells that what was sent to `peerId` may not have arrived. It says nothing about the peer's life. */
  reportUnreachable(peerId: number): void {
    // Every leader knows it since, and nothing was sent that could have arrived.
    if (this.#peers.isGone(peerId)) return;
    for (const group of this.#awake) {
      if (group.node.role === "leader") group.node.reportUnreachable(peerId);
    }
  }

  /** Whether a peer is heard of in time; a node that shares no group is taken for alive. */
  isPeerAlive(peerId: number): boolean {
    return this.#peers.isAlive(peerId);
  }

  /**
   * Tells that another node goes by the name of `peerId` from now on: one that lost its disk comes back without
   * knowing how often it was started, and its batches would pass for late ones of the process before. Nothing counts
   * any more that this one had acknowledged in any group. The owner sees to it that nothing of it arrives any more.
   */
  peerReplaced(peerId: number): void {
    const peer = this.#peers.find(peerId);
    if (peer === undefined) return;
    peer.replaced();
    this.#loseProcess(peerId);
    for (const group of this.#groups.values()) {
      if (group.node.role === "leader") this.#guard(group, () => group.forgetProgress(peerId));
    }
  }

  /**
   * Tells that the process of `peerId` is known to have ended: what it led has no leader, and nobody waits for its silence
   * to show that. Answers whether that is news. Who says so of a process that lives causes elections without need that
   * the others refuse, unless they were told the same; nothing worse, for no read is answered on the strength of a lease.
   */
  peerEnded(peerId: number): boolean {
    if (this.#peers.find(peerId)?.ended() !== true) return false;
    this.#options.onPeerEvent?.({ kind: "died", peerId });
    this.#loseProcess(peerId);
    return true;
  }

  /** Stops exchanging batches with a node that left for good. */
  forgetPeer(peerId: number): void {
    this.#peers.delete(peerId);
  }

  /**
   * Advances the clock of everything by one tick, however many have passed: time in which this process
   * was not able to listen says nothing about the others. Nor does time in which groups waited for a visit since the last
   * tick: that one is dropped, too, but for the sign of life. Does not visit sleeping groups.
   *
   * `isDiskBehind`: what is to be durable has waited for several ticks. Nobody's patience ends meanwhile: a vote is given
   * when it is durable, and on disks that take longer for it than an election timeout every election would end the one
   * before.
   */
  tick(elapsedTicks: number = 1, isDiskBehind: boolean = false): void {
    assert(elapsedTicks >= 1, "time only moves forward");
    this.counters.ticks++;
    this.counters.ticksDropped += elapsedTicks - 1;
    if (this.#dirty.isBehind) this.counters.ticksDropped++;
    else this.#tickAll(isDiskBehind);
    if (this.counters.ticks % this.#options.heartbeatTicks !== 0) return;
    this.#isBeatDue = true;
    this.#signalWork();
  }

  #tickAll(isDiskBehind: boolean): void {
    for (const peer of this.#peers.tick(this.#options.peerTimeoutTicks)) {
      this.#options.onPeerEvent?.({ kind: "died", peerId: peer.id });
      this.#loseProcess(peer.id);
    }
    for (const group of this.#awake) {
      const isHeldBack = isDiskBehind && group.node.role !== "leader";
      if (!isHeldBack) this.#guard(group, () => this.#tickGroup(group));
    }
    this.#elections.tick(isDiskBehind);
    this.#dirty.beginRound();
  }

  /** Whether `pass()` has something to do. */
  get hasWork(): boolean {
    return this.#dirty.size > 0 || this.#isBeatDue || this.#isUrgent;
  }

  /**
   * Visits groups that something happened to, and hands out what they and this node want done. Where there are very many
   * it leaves the rest to the next pass, so that the owner hears others in between, and they this node.
   */
  pass(sink: PassSink<Owner>): void {
    this.counters.passes++;
    this.#isWorkSignalled = true; // What the pass itself stirs up is looked at when it ends.
    for (const group of this.#dirty.take(this.#options.visitsPerPassMax)) {
      if (!group.isRemoved) this.#guard(group, () => this.#visit(group, sink));
    }
    this.#flush(sink);
    this.#isWorkSignalled = false;
    if (this.hasWork) this.#signalWork();
  }

  /** Does something with a group; one that contradicts itself or the others is reported, the rest goes on. */
  readonly #guard = <Result>(group: Group<Owner>, act: () => Result): Result | undefined => {
    const { onBroken } = this.#options;
    if (onBroken === undefined) return act();
    try {
      return act();
    } catch (error) {
      if (!(error instanceof RaftInvariantError)) throw error;
      onBroken(group.key, error);
      return undefined;
    }
  };

  #visit(group: Group<Owner>, sink: PassSink<Owner>): void {
    this.counters.visits++;
    const { node } = group;
    for (let round = 0; round < ROUNDS_PER_VISIT_MAX; round++) {
      if (!node.hasReady()) {
        this.#dirty.delete(group);
        return;
      }
      const ready = this.#withoutHeartbeats(group, node.ready());
      if (!isEmpty(ready)) sink.ready(group, ready);
      if (group.isRemoved) return;
    }
    this.#dirty.add(group); // There may be more; first it is the others' turn.
  }

  #withoutHeartbeats(group: Group<Owner>, ready: Ready): Ready {
    if (!this.#options.coalesceHeartbeats || !ready.messages.some(isHeartbeat)) return ready;
    const kept = ready.messages.filter((message) => !this.#exchange.absorb(group, message));
    return { ...ready, messages: kept.length === 0 ? NO_MESSAGES : kept };
  }

  /**
   * At the end of an interval everybody gets a batch, for that is the sign of life: at once, also where groups that
   * have heartbeats to send wait for later passes. Those follow pass by pass.
   */
  #flush(sink: PassSink<Owner>): void {
    const which = this.#isBeatDue ? "all" : this.#isBeatUnfinished ? "filled" : "urgent";
    this.#isBeatUnfinished = which !== "urgent" && this.#dirty.size > 0;
    this.#isBeatDue = false;
    this.#isUrgent = false;
    for (const batch of this.#peers.takeBatches(which)) sink.batch(batch);
  }

  #tickGroup(group: Group<Owner>): void {
    this.counters.groupTicks++;
    if (group.node.role === "leader") this.#tickLeader(group);
    else this.#elections.tickGroup(group);
  }

  #tickLeader(group: Group<Owner>): void {
    group.idleTicks++;
    if (this.hibernates) this.#growSleepy(group);
    if (group.isAsleep) return;
    group.tick();
    // It hears no majority. Whoever still hears it shall not wait for what else it says to run dry.
    if (group.node.role !== "leader") this.#sayFarewell(group);
    this.#touched(group);
  }

  /** An idle leader offers sleep to its followers for a while, and tries again later if one declines. */
  #growSleepy(group: Group<Owner>): void {
    if (group.wakefulness === "drowsy") {
      if (group.idleTicks >= this.#options.electionTicks) stayAwake(group);
      return;
    }
    const { electionTicks, hibernateAfterTicks } = this.#options;
    if (group.idleTicks < hibernateAfterTicks) return;
    // Who was just forgotten by a quorum check answers the next heartbeat. A whole pause later the next check would be as
    // near, where the pause is a multiple of the election timeout: some groups would never sleep.
    group.idleTicks = Math.max(0, hibernateAfterTicks - Math.ceil(electionTicks / 2));
    const isGone = (id: number): boolean => this.#peers.isGone(id);
    if (!leaderMaySleep(group.node, isGone)) return;
    group.idleTicks = 0;
    group.wakefulness = "drowsy";
    group.sleepers = [];
    if (otherMembers(group.node).every(isGone)) this.#sleep(group);
  }

  #callAwake(group: Group<Owner>, peerId: number): void {
    this.#peers.get(peerId).outgoing.addWake(group.key);
    this.#isUrgent = true;
    this.#signalWork();
  }

  /** Ends whatever part the node has in leading the group. */
  #resign(group: Group<Owner>): void {
    const { role } = group.node;
    if (role === "follower") return;
    this.#activity(group, 0);
    group.resign();
    if (role === "leader") this.#sayFarewell(group);
  }

  /** The others need not wait for an election timeout to find out; those that sleep would not find out at all. */
  #sayFarewell({ key, node }: Group<Owner>): void {
    const { peerTimeoutTicks, heartbeatTicks } = this.#options;
    const batchCount = Math.ceil(peerTimeoutTicks / heartbeatTicks) + 1;
    for (const id of otherMembers(node)) this.#peers.get(id).sayFarewell(key, batchCount);
  }

  #loseProcess(peerId: number): void {
    loseProcess([...this.#groups.values()], peerId, this.#scheduler, this.#options);
  }

  /** From its leader a call to wake means that its replica is gone, or leads no more. */
  #takeWake({ from, wakes }: PeerBatch, key: GroupKey): void {
    const group = this.#find(key);
    if (group === undefined) return;
    if (group.node.leaderId === from)
      loseLeader(group, from, this.#scheduler, this.#options, wakes.length);
    else this.#activity(group, from);
  }

  #activity(group: Group<Owner>, cause: number): void {
    stayAwake(group);
    this.#wake(group, cause);
    this.#dirty.add(group);
    this.#signalWork();
  }

  /** A follower that wakes by itself wakes its leader, or it would soon miss its heartbeats. */
  #wake(group: Group<Owner>, cause: number): void {
    if (!group.isAsleep || group.isRemoved) return;
    this.counters.wakeUps++;
    group.wakefulness = "awake";
    group.idleTicks = 0;
    this.#awake.add(group);
    const { leaderId } = group.node;
    if (leaderId === 0 || leaderId === this.nodeId || leaderId === cause) return;
    this.#callAwake(group, leaderId);
  }

  #sleep(group: Group<Owner>): void {
    if (group.isAsleep) return;
    this.counters.hibernations++;
    group.wakefulness = "asleep";
    group.dropRecords();
    this.#awake.delete(group);
  }

  #touched(group: Group<Owner>): void {
    if (this.#dirty.has(group) || !group.node.hasReady()) return;
    this.#dirty.add(group);
    this.#signalWork();
  }

  #signalWork(): void {
    if (this.#isWorkSignalled) return;
    this.#isWorkSignalled = true;
    this.#options.onWork?.();
  }

  #find(key: GroupKey): Group<Owner> | undefined {
    const group = this.#groups.get(key.groupId);
    return group?.key.incarnation === key.incarnation ? group : undefined;
  }
}

function isHeartbeat(message: Message): boolean {
  return message.type === "MsgHeartbeat" || message.type === "MsgHeartbeatResp";
}

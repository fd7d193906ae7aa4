import type { GroupKey, GroupWrite, LogStore } from "@ropewalk/log";
import type { Clock, Logger, Random, Timer } from "@ropewalk/runtime";
import { type Message, RaftInvariantError } from "raft-ts";
import {
  type Candidacy,
  type GroupRoute,
  MultiRaft,
  type PassSink,
  type PeerBatch,
} from "raft-ts/multi";
import type { BrokerLimits } from "../config.ts";
import { controllerGroupId } from "../controller/metadata-image.ts";
import { isIntact, isRecordBatch } from "./command-entry.ts";
import { CommitNotices } from "./commit-notices.ts";
import { EarlyMessages } from "./early-messages.ts";
import { FirstElections } from "./first-elections.ts";
import type { PassOutput, RaftGroup } from "./raft-group.ts";
import type { RaftObserver } from "./raft-observer.ts";

/** The part of the peer network that the host sends through. */
export interface MessageSender {
  send(to: number, group: GroupRoute, message: Message): void;
  /** To the broker that the batch names. */
  sendBatch(batch: PeerBatch): void;
  /** Everything sent since the last call leaves now. */
  flush(): void;
}

/** A message and the group it is for. */
export interface GroupMessage {
  readonly group: GroupRoute;
  readonly message: Message;
}

/** What the host needs. */
export interface RaftHostOptions {
  readonly brokerId: number;
  /** Names this process among all that ever were this broker: higher after every start. */
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: LogStore;
  readonly limits: BrokerLimits;
  readonly sender: MessageSender;
  /** A leader sent what the group's log lacks; the message was not taken. */
  readonly snapshotArrived: (from: number, group: RaftGroup, arrived: GroupMessage) => void;
  /** The disk failed: nothing is acknowledged by this broker any more. */
  readonly storageFailed: (error: unknown) => void;
  readonly observer?: RaftObserver | undefined;
}

const handOverPollMs = 10;

/** A snapshot that was sent, or was lost, and when the leader is told. */
interface SentSnapshot {
  readonly key: GroupKey;
  readonly to: number;
  readonly outcome: "finish" | "failure";
  readonly dueMs: number;
}

interface Delivery {
  readonly group: RaftGroup;
  readonly responses: readonly Message[];
}

interface CollectedWrite {
  readonly group: RaftGroup;
  readonly write: GroupWrite;
}

/**
 * Drives all Raft groups of a broker: `raft-ts/multi` decides which groups a pass visits; this gathers what
 * must be durable into one journal write, lets leave what may leave before it, and lets leave what must not
 * once the write is durable. Passes do not wait for each other's writes.
 */
export class RaftHost {
  readonly #options: RaftHostOptions;
  readonly #multi: MultiRaft<RaftGroup>;
  readonly #early = new EarlyMessages();
  readonly #notices: CommitNotices;
  readonly #firstElections: FirstElections<RaftGroup>;
  #passScheduled = false;
  #writesInFlight = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #sentSnapshots: SentSnapshot[] = [];
  /** What the pass that runs has collected. */
  #writes: CollectedWrite[] = [];
  #deliveries: Delivery[] = [];
  #timer: Timer | undefined;
  #state: "running" | "failed" | "stopped" = "running";
  /** What happened so far, for the metrics. */
  readonly counters = {
    writes: 0,
    messagesUnknownGroup: 0,
    messagesDamaged: 0,
    snapshotsSent: 0,
    snapshotsLost: 0,
  };

  constructor(options: RaftHostOptions) {
    const { brokerId, clock, epoch, limits, random } = options;
    this.#options = options;
    this.#multi = new MultiRaft({
      nodeId: brokerId,
      epoch,
      random: (bound) => random.integer(bound),
      electionTicks: limits.electionTicks,
      heartbeatTicks: limits.heartbeatTicks,
      hibernateAfterTicks: limits.hibernateAfterTicks,
      onWork: () => this.#schedulePass(),
      onBroken: (key, error) => this.#takeOut(key, error),
    });
    this.#firstElections = new FirstElections<RaftGroup>(clock);
    this.#notices = new CommitNotices(clock, limits.commitNoticeMs, (notices) => {
      for (const { group, message } of notices)
        if (this.#isHere(group)) this.#sendNow(group, message);
      options.sender.flush();
    });
    this.#scheduleTick();
  }

  /** Groups that are ticked; the others hibernate. */
  get awakeCount(): number {
    return this.#multi.awakeCount;
  }

  /** What the scheduling did so far. */
  get scheduling(): MultiRaft<RaftGroup>["counters"] {
    return this.#multi.counters;
  }

  *groups(): Iterable<RaftGroup> {
    for (const { owner } of this.#multi.groups()) yield owner;
  }

  group(key: GroupKey): RaftGroup | undefined {
    return this.#multi.group(key)?.owner;
  }

  add(group: RaftGroup): void {
    group.attach(this.#multi.add(group.key, group.config, group));
    this.#firstElections.add(group);
    this.#options.observer?.added(group);
    for (const { from, ...held } of this.#early.take(group.key.groupId)) {
      void this.receive(from, [held]);
    }
  }

  remove(group: RaftGroup): void {
    this.#multi.remove(group.key);
    this.#firstElections.remove(group);
    this.#options.observer?.removed(group);
    group.stop();
  }

  /**
   * Messages of another broker. Those for groups that are not here wait a moment for them to come; a batch
   * of records that is damaged is not taken, for the wire is not trusted with what will be called durable.
   * Answers a promise where the journal has more to write than it should: until it settles, no more
   * should come.
   */
  receive(
    from: number,
    messages: readonly GroupMessage[],
    batches: readonly PeerBatch[] = [],
  ): Promise<void> | undefined {
    if (this.#state !== "running") return undefined;
    for (const batch of batches) if (batch.from === from) this.#multi.receiveBatch(batch);
    for (const { group, message } of messages) {
      if (message.from === from) this.#receiveOne(from, group, message);
    }
    const { limits, store } = this.#options;
    const isBehind = store.queuedBytes > limits.journalQueueBytesMax;
    return isBehind ? this.#lastWrite.catch(() => undefined) : store.relief;
  }

  /** What was sent to the broker may not have arrived. */
  unreachable(brokerId: number): void {
    this.#multi.reportUnreachable(brokerId);
  }

  /** The process of a broker is gone, as the system of its host shows: what it led needs another leader at once. */
  processEnded(brokerId: number): void {
    if (this.#state !== "running" || !this.#multi.peerEnded(brokerId)) return;
    this.#options.logger.info("the process of a broker has ended", { peer: brokerId });
  }

  /** Another incarnation goes by the broker's id, and nothing of the one before arrives any more. */
  peerReplaced(brokerId: number): void {
    this.#multi.peerReplaced(brokerId);
  }

  /** A broker was removed from the cluster: it gets no heartbeats any more. */
  peerRemoved(brokerId: number): void {
    this.#multi.forgetPeer(brokerId);
  }

  /** Resolves when the writes that are under way now are durable, or failed. */
  settled(): Promise<void> {
    return this.#lastWrite.catch(() => undefined);
  }

  /**
   * A snapshot left this broker, or certainly did not arrive. Its leader is told after a while: a replica that
   * takes it in answers before, and one that did not is given another one no sooner.
   */
  snapshotSent(to: number, key: GroupKey, outcome: "finish" | "failure"): void {
    const { clock, limits } = this.#options;
    if (outcome === "finish") this.counters.snapshotsSent += 1;
    else this.counters.snapshotsLost += 1;
    const dueMs = clock.monotonicMs() + limits.snapshotRetryMs;
    this.#sentSnapshots.push({ key, to, outcome, dueMs });
  }

  /**
   * Gives leadership away where another broker can take it, so that a planned stop is no outage. Resolves
   * when nothing is led here any more, or after `deadlineMs`.
   */
  async handOver(deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + deadlineMs;
    const leaving = [...this.groups()].filter((group) => group.handOver());
    const led = (): boolean => leaving.some(({ leadership }) => leadership.kind === "leading");
    while (this.#state === "running" && clock.monotonicMs() < endMs && led()) {
      await new Promise<void>((resolve) => void clock.setTimer(handOverPollMs, resolve));
    }
  }

  /** Unless this broker is `willing`, it gives up what it leads; see `Candidacy`. */
  setCandidacy(candidacy: Candidacy): void {
    if (this.#state === "running") this.#multi.setCandidacy(candidacy);
  }

  /** The disk failed while nobody waited for a write: the same as if somebody had. */
  storageFailed(error: unknown): void {
    this.#fail(error);
  }

  /** Stops ticking and passing; waits for writes that are under way. */
  async stop(): Promise<void> {
    if (this.#state === "running") this.#state = "stopped";
    this.#timer?.cancel();
    this.#firstElections.stop();
    this.#notices.stop();
    this.#options.store.stopWaiting();
    await this.#lastWrite.catch(() => undefined); // Its failure was reported when it happened.
    for (const group of this.groups()) group.stop();
  }

  #receiveOne(from: number, route: GroupRoute, message: Message): void {
    if (!message.entries.every(isIntact)) {
      this.counters.messagesDamaged += 1;
      this.#options.logger.warn("a damaged record batch came from a peer", { peer: from });
      return;
    }
    // Without a term it is no leader's, and the node would not ask.
    if (message.type === "MsgSnap" && message.term === 0) return;
    if (this.#hasNoRoomFor(route, message)) return; // The leader sends it again.
    const group = message.type === "MsgSnap" ? this.#multi.group(route) : undefined;
    if (group?.accepts(from, route) === true && group.owner.lacks(message)) {
      this.#options.snapshotArrived(from, group.owner, { group: route, message });
      return;
    }
    const outcome = this.#multi.receive(route, message);
    if (outcome !== "unknownGroup" && outcome !== "otherIncarnation") return;
    this.counters.messagesUnknownGroup += 1;
    if (outcome === "unknownGroup") this.#early.hold(route, from, message);
  }

  /**
   * A leader whose disk is full takes no more records. Those that it took before it knew have room in the reserve
   * here; what comes beyond has not. The commands that make room always have some.
   */
  #hasNoRoomFor({ groupId }: GroupKey, { entries, snapshot }: Message): boolean {
    const { store } = this.#options;
    if (snapshot !== undefined) return store.isFull;
    if (entries.length === 0 || !store.isReserveLow) return false;
    return groupId !== controllerGroupId && entries.some(isRecordBatch);
  }

  #isHere(group: RaftGroup): boolean {
    return this.#multi.group(group.key)?.owner === group;
  }

  #guard(key: GroupKey, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof RaftInvariantError)) throw error;
      this.#takeOut(key, error);
    }
  }

  /** A group that finds its own log or the others' in contradiction is taken out; the rest goes on. */
  #takeOut(key: GroupKey, error: RaftInvariantError): void {
    this.#options.logger.error("a replica contradicts its group and stays out", { ...key, error });
    const group = this.#multi.group(key)?.owner;
    if (group === undefined) return;
    this.#options.observer?.contradicted(group, error);
    this.remove(group);
  }

  #scheduleTick(): void {
    const { clock, limits } = this.#options;
    // Ticks that were missed (a collection, a long loop) are dropped, and messages that wait are
    // handled first: otherwise every stall would look like a silent leader.
    this.#timer = clock.setTimer(limits.tickMs, () => clock.defer(() => this.#tick()));
  }

  #tick(): void {
    if (this.#state !== "running") return;
    this.#early.age();
    this.#reportSnapshots();
    this.#multi.tick(1, this.#isDiskBehind);
    this.#schedulePass();
    this.#scheduleTick();
  }

  /** Whether the write that is under way takes longer than the leaders' heartbeats are apart. */
  get #isDiskBehind(): boolean {
    const { clock, limits, store } = this.#options;
    const { writingSinceMs } = store;
    if (writingSinceMs === undefined) return false;
    return clock.monotonicMs() - writingSinceMs >= limits.heartbeatTicks * limits.tickMs;
  }

  #reportSnapshots(): void {
    if (this.#sentSnapshots.length === 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    const due = this.#sentSnapshots.filter(({ dueMs }) => dueMs <= nowMs);
    this.#sentSnapshots = this.#sentSnapshots.filter(({ dueMs }) => dueMs > nowMs);
    for (const { key, outcome, to } of due) this.#multi.group(key)?.reportSnapshot(to, outcome);
  }

  #schedulePass(): void {
    if (this.#passScheduled || !this.#multi.hasWork) return;
    this.#passScheduled = true;
    this.#options.clock.defer(() => this.#pass());
  }

  #pass(): void {
    this.#passScheduled = false;
    if (this.#state !== "running") return;
    this.#multi.pass(this.#sink);
    this.#options.sender.flush();
    this.#persist();
  }

  readonly #send = (group: RaftGroup, message: Message): void => {
    if (!this.#notices.holds(group, message)) this.#sendNow(group, message);
  };

  #sendNow(group: RaftGroup, message: Message): void {
    this.#options.sender.send(message.to, group.routeTo(message.to), message);
  }

  // Made once: there are passes for every message that comes.
  readonly #output: PassOutput = {
    write: (group, write) => void this.#writes.push({ group, write }),
    afterDurable: (group, responses) => void this.#deliveries.push({ group, responses }),
    send: this.#send,
  };

  readonly #sink: PassSink<RaftGroup> = {
    ready: ({ owner }, ready) => {
      this.#options.observer?.stepped(owner, ready);
      owner.collect(ready, this.#output);
    },
    batch: (batch) => this.#options.sender.sendBatch(batch),
  };

  #persist(): void {
    if (this.#writes.length === 0 && this.#deliveries.length === 0) return;
    const [collected, deliveries] = [this.#writes, this.#deliveries];
    this.#writes = [];
    this.#deliveries = [];
    // A group that was visited may have been removed later in the same pass: by the metadata that another
    // group applied. Nothing of it has left this broker.
    const writes = collected.filter(({ group }) => this.#isHere(group)).map(({ write }) => write);
    if (writes.length === 0 && deliveries.length === 0) return;
    if (writes.length === 0 && this.#writesInFlight === 0) {
      this.#deliver(deliveries, []);
      return;
    }
    const written = new Set(collected.map(({ group }) => group));
    const through = [...written].map((group) => [group, group.handedOutIndex] as const);
    this.#writesInFlight += 1;
    this.counters.writes += 1;
    const { observer } = this.#options;
    observer?.writing(writes);
    // Without writes of its own a pass may still answer for earlier ones: it waits for those.
    const durable = writes.length === 0 ? this.#lastWrite : this.#options.store.append(writes);
    this.#lastWrite = durable.then(
      () => {
        this.#writesInFlight -= 1;
        observer?.durable(writes);
        if (this.#state === "running") this.#deliver(deliveries, through);
      },
      (error: unknown) => {
        this.#fail(error);
        throw error;
      },
    );
    this.#lastWrite.catch(() => undefined); // Reported by #fail; here it only must not go unhandled.
  }

  #deliver(
    deliveries: readonly Delivery[],
    written: readonly (readonly [RaftGroup, number])[],
  ): void {
    for (const [group, index] of written) group.persistedThrough(index);
    for (const { group, responses } of deliveries) {
      if (this.#isHere(group)) this.#guard(group.key, () => group.deliver(responses, this.#send));
    }
    this.#options.sender.flush();
  }

  #fail(error: unknown): void {
    if (this.#state !== "running") return;
    this.#state = "failed";
    this.#timer?.cancel();
    this.#firstElections.stop();
    this.#notices.stop();
    this.#options.logger.error("the journal failed; this broker's replicas stop", { error });
    for (const group of this.groups()) group.stop();
    this.#options.storageFailed(error);
  }
}

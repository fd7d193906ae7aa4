import type { GroupKey, GroupWrite, LogStore } from "@ropewalk/log";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { Message } from "raft-ts";
import type { BrokerLimits } from "../config.ts";
import { EarlyMessages } from "./early-messages.ts";
import { FirstElections } from "./first-elections.ts";
import type { PassOutput, RaftGroup } from "./raft-group.ts";

/** The part of the peer network that the host sends through. */
export interface MessageSender {
  send(to: number, group: GroupKey, message: Message): void;
  /** Everything sent since the last call leaves now. */
  flush(): void;
}

/** A message and the group it is for. */
export interface GroupMessage {
  readonly group: GroupKey;
  readonly message: Message;
}

/** What the host needs. */
export interface RaftHostOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: LogStore;
  readonly limits: BrokerLimits;
  readonly sender: MessageSender;
  /** The disk failed: nothing is acknowledged by this broker any more. */
  readonly storageFailed: (error: unknown) => void;
}

const handOverPollMs = 10;

interface Delivery {
  readonly group: RaftGroup;
  readonly responses: readonly Message[];
}

/**
 * Drives all Raft groups of a broker. One pass visits the groups that something happened to, collects
 * what must be durable into one journal write, lets leave what may leave before it, and lets leave what
 * must not once the write is durable. Passes do not wait for each other's writes.
 */
export class RaftHost {
  readonly #options: RaftHostOptions;
  readonly #groups = new Map<number, RaftGroup>();
  readonly #dirty = new Set<RaftGroup>();
  readonly #early = new EarlyMessages();
  readonly #firstElections: FirstElections<RaftGroup>;
  #passScheduled = false;
  #writesInFlight = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #state: "running" | "failed" | "stopped" = "running";
  /** Passes, group visits and journal writes so far, for the metrics. */
  readonly counters = {
    passes: 0,
    visits: 0,
    writes: 0,
    messagesUnknownGroup: 0,
    messagesDamaged: 0,
  };

  constructor(options: RaftHostOptions) {
    this.#options = options;
    this.#firstElections = new FirstElections<RaftGroup>(options.clock, (group) =>
      this.wake(group),
    );
    this.#scheduleTick();
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  groups(): Iterable<RaftGroup> {
    return this.#groups.values();
  }

  add(group: RaftGroup): void {
    const { groupId, incarnation } = group.key;
    this.#groups.set(groupId, group);
    this.#firstElections.add(group);
    const messages = this.#early.take(groupId);
    for (const { from, message } of messages) {
      void this.receive(from, [{ group: { groupId, incarnation }, message }]);
    }
    this.wake(group);
  }

  remove(group: RaftGroup): void {
    this.#groups.delete(group.key.groupId);
    this.#dirty.delete(group);
    this.#firstElections.remove(group);
    group.stop();
  }

  /** The group is visited in the next pass, which comes after the input that is already waiting. */
  wake(group: RaftGroup): void {
    this.#dirty.add(group);
    this.#schedulePass();
  }

  /**
   * Messages of another broker. Those for groups that are not here wait a moment for them to come. Answers
   * a promise where the journal has more to write than it should: until it settles, no more should come.
   */
  receive(from: number, messages: readonly GroupMessage[]): Promise<void> | undefined {
    if (this.#state !== "running") return undefined;
    for (const { group: key, message } of messages) {
      const group = this.#groups.get(key.groupId);
      if (group?.key.incarnation !== key.incarnation || message.from !== from) {
        this.counters.messagesUnknownGroup += 1;
        if (group === undefined) this.#early.hold(key.groupId, from, message);
        continue;
      }
      if (!group.step(message)) {
        this.counters.messagesDamaged += 1;
        this.#options.logger.warn("a damaged record batch came from a peer", { peer: from });
      }
      this.#dirty.add(group);
    }
    this.#schedulePass();
    const { limits, store } = this.#options;
    const isBehind = store.statistics.queuedBytes > limits.journalQueueBytesMax;
    return isBehind ? this.#lastWrite.catch(() => undefined) : undefined;
  }

  /** What was sent to the broker may not have arrived. */
  unreachable(brokerId: number): void {
    for (const group of this.#groups.values()) group.reportUnreachable(brokerId);
  }

  /**
   * Gives leadership away where another broker can take it, so that a planned stop is no outage. Resolves
   * when nothing is led here any more, or after `deadlineMs`.
   */
  async handOver(deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + deadlineMs;
    const leaving = [...this.#groups.values()].filter((group) => group.handOver());
    for (const group of leaving) this.wake(group);
    const led = (): boolean => leaving.some(({ leadership }) => leadership.kind === "leading");
    while (this.#state === "running" && clock.monotonicMs() < endMs && led()) {
      await new Promise<void>((resolve) => void clock.setTimer(handOverPollMs, resolve));
    }
  }

  /** Stops ticking and passing; waits for writes that are under way. */
  async stop(): Promise<void> {
    if (this.#state === "running") this.#state = "stopped";
    this.#timer?.cancel();
    this.#firstElections.stop();
    await this.#lastWrite.catch(() => undefined); // Its failure was reported when it happened.
    for (const group of this.#groups.values()) group.stop();
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
    for (const group of this.#groups.values()) {
      group.tick();
      if (group.hasReady()) this.#dirty.add(group);
    }
    this.#schedulePass();
    this.#scheduleTick();
  }

  #schedulePass(): void {
    if (this.#passScheduled || this.#dirty.size === 0) return;
    this.#passScheduled = true;
    this.#options.clock.defer(() => this.#pass());
  }

  #pass(): void {
    this.#passScheduled = false;
    if (this.#state !== "running") return;
    this.counters.passes += 1;
    const writes: GroupWrite[] = [];
    const deliveries: Delivery[] = [];
    const written: RaftGroup[] = [];
    const output: PassOutput = {
      write: (write) => writes.push(write),
      afterDurable: (group, responses) => deliveries.push({ group, responses }),
      send: this.#send,
    };
    const visited = [...this.#dirty];
    this.#dirty.clear();
    for (const group of visited) {
      this.counters.visits += 1;
      const writesBefore = writes.length;
      if (group.collect(output)) this.#dirty.add(group);
      if (writes.length > writesBefore) written.push(group);
    }
    this.#options.sender.flush();
    this.#persist(writes, deliveries, written);
    this.#schedulePass();
  }

  readonly #send = (group: RaftGroup, message: Message): void => {
    this.#options.sender.send(message.to, group.key, message);
  };

  #persist(
    writes: readonly GroupWrite[],
    deliveries: readonly Delivery[],
    written: readonly RaftGroup[],
  ): void {
    if (writes.length === 0 && this.#writesInFlight === 0) {
      this.#deliver(deliveries, []);
      return;
    }
    if (writes.length === 0 && deliveries.length === 0) return;
    const through = written.map((group) => [group, group.handedOutIndex] as const);
    this.#writesInFlight += 1;
    this.counters.writes += 1;
    // Without writes of its own a pass may still answer for earlier ones: it waits for those.
    const durable = writes.length === 0 ? this.#lastWrite : this.#options.store.append(writes);
    this.#lastWrite = durable.then(
      () => {
        this.#writesInFlight -= 1;
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
      if (this.#groups.get(group.key.groupId) !== group) continue;
      group.deliver(responses, this.#send);
      this.#dirty.add(group);
    }
    this.#options.sender.flush();
    this.#schedulePass();
  }

  #fail(error: unknown): void {
    if (this.#state !== "running") return;
    this.#state = "failed";
    this.#timer?.cancel();
    this.#firstElections.stop();
    this.#options.logger.error("the journal failed; this broker's replicas stop", { error });
    for (const group of this.#groups.values()) group.stop();
    this.#options.storageFailed(error);
  }
}

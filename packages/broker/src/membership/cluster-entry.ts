import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import type { Address, Clock, Logger } from "@ropewalk/runtime";
import { registrationMessage, registrationOf } from "../controller/broker-codec.ts";
import type { BrokerRegistration } from "../controller/broker-registration.ts";
import { decideEntry, type EntryAnswer, isMajorityThere } from "./entry-decision.ts";
import type { RemoteCaller } from "../remote-caller.ts";

/** What entering needs. */
export interface ClusterEntryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly caller: RemoteCaller;
  readonly brokerId: number;
  /** The brokers that this one was told of, ascending. */
  readonly namedIds: readonly number[];
  /** Whether it may form a cluster with them. */
  readonly mayForm: boolean;
  readonly graceMs: number;
  readonly callTimeoutMs: number;
  /** When another broker was last heard, by the monotonic clock; `undefined`: not yet. */
  readonly lastHeardMs: (brokerId: number) => number | undefined;
}

/** How a broker without data came to belong to a cluster. */
export type Entered =
  /** It forms one, with the brokers that it was told of. */
  | { readonly kind: "formed" }
  /** It was taken in: by an entry of the metadata's log, behind which everything that concerns it follows. */
  | {
      readonly kind: "entered";
      readonly clusterId: string;
      readonly bootstrapIds: readonly number[];
      readonly index: number;
    };

const pollMs = 25;
const askTimeoutMs = 1000;
/** The controller's own word, which another broker would not change. */
const refusals: ReadonlySet<string> = new Set(["BUSY", "INVALID_REQUEST", "POLICY_VIOLATION"]);
/**
 * A broker of a cluster that connected counts on this one until it was silent for so long: it comes again within seconds
 * where it runs, whether it is refused or refuses.
 */
const seenMsMax = 60_000;
/** Who was refused need not ask as often. */
const refusedRetryMs = 1000;

/**
 * The way of a broker without data into a cluster. It asks the brokers that it was told of what they know, until it
 * can form a cluster with them or one takes it in.
 */
export class ClusterEntry {
  readonly #options: ClusterEntryOptions;
  readonly #answers = new Map<number, EntryAnswer>();
  readonly #addresses = new Map<number, Address>();
  readonly #seen = new Map<number, { readonly clusterId: string; readonly atMs: number }>();
  /** Those that are under way, each with what ends it. */
  readonly #pauses = new Set<() => void>();
  #majoritySinceMs: number | undefined;
  #reason = "not registered with a controller yet";
  #isOver = false;

  constructor(options: ClusterEntryOptions) {
    this.#options = options;
  }

  /** Why the broker does not belong to a cluster yet, for people. */
  get reason(): string {
    return this.#reason;
  }

  /** Where a broker is that others have told of. */
  addressOf(brokerId: number): Address | undefined {
    return this.#addresses.get(brokerId);
  }

  /** A broker of a cluster has connected to this one, which it takes to be of its cluster. */
  clusterSeen(brokerId: number, clusterId: string): void {
    if (clusterId === "") return;
    this.#seen.set(brokerId, { clusterId, atMs: this.#options.clock.monotonicMs() });
  }

  /** Resolves when the broker may take part; with `undefined` where it was stopped before. */
  async run(registration: BrokerRegistration): Promise<Entered | undefined> {
    const { brokerId, namedIds } = this.#options;
    for (const id of namedIds) if (id !== brokerId) void this.#keepAsking(id);
    while (!this.#isOver) {
      const entered = await this.#attempt(registration);
      if (entered !== undefined) {
        this.#isOver = true;
        return entered;
      }
      await this.#pause(pollMs);
    }
    return undefined;
  }

  stop(): void {
    this.#isOver = true;
    for (const end of this.#pauses) end();
  }

  async #attempt(registration: BrokerRegistration): Promise<Entered | undefined> {
    const { brokerId, graceMs, mayForm, namedIds } = this.#options;
    const majorityMs = this.#majorityMs();
    const known = { answers: this.#answers, seen: this.#seenLately() };
    const decision = decideEntry({ brokerId, namedIds, mayForm, ...known, majorityMs, graceMs });
    if (decision.kind === "form") return { kind: "formed" };
    if (decision.kind === "wait") {
      this.#setReason(decision.reason);
      return undefined;
    }
    return this.#enter(decision.askedIds, registration);
  }

  #seenLately(): ReadonlyMap<number, string> {
    const { clock, lastHeardMs } = this.#options;
    const sinceMs = clock.monotonicMs() - seenMsMax;
    for (const [brokerId, { atMs }] of this.#seen) {
      if (Math.max(atMs, lastHeardMs(brokerId) ?? 0) < sinceMs) this.#seen.delete(brokerId);
    }
    return new Map([...this.#seen].map(([brokerId, { clusterId }]) => [brokerId, clusterId]));
  }

  #majorityMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    const { namedIds } = this.#options;
    if (!isMajorityThere({ answers: this.#answers, namedIds })) {
      this.#majoritySinceMs = undefined;
      return 0;
    }
    this.#majoritySinceMs ??= nowMs;
    return nowMs - this.#majoritySinceMs;
  }

  async #enter(
    askedIds: readonly number[],
    registration: BrokerRegistration,
  ): Promise<Entered | undefined> {
    const { brokerId, callTimeoutMs, caller } = this.#options;
    const request = { broker: registrationMessage(registration) };
    for (const id of askedIds.filter((each) => each !== brokerId)) {
      try {
        const { clusterId, bootstrapIds, index } = await caller.call(
          peerService.enterCluster,
          id,
          request,
          { timeoutMs: callTimeoutMs },
        );
        return { kind: "entered", clusterId, bootstrapIds, index };
      } catch (error) {
        if (await this.#isRefused(id, error)) return undefined;
      }
    }
    return undefined;
  }

  /** Whether the controller itself said no, so that there is nobody else to ask. */
  async #isRefused(id: number, error: unknown): Promise<boolean> {
    const { logger } = this.#options;
    const isWord = error instanceof RopewalkError && refusals.has(error.code);
    if (!isWord) {
      logger.debug("a broker could not take this one in", { asked: id, error });
      return false;
    }
    this.#setReason(error.message);
    await this.#pause(refusedRetryMs);
    return true;
  }

  async #keepAsking(id: number): Promise<void> {
    const { caller, logger } = this.#options;
    while (!this.#isOver) {
      try {
        const answer = await caller.call(
          peerService.describeEntry,
          id,
          {},
          { timeoutMs: askTimeoutMs },
        );
        for (const { brokerId, peer } of answer.brokers.map(registrationOf)) {
          this.#addresses.set(brokerId, peer);
        }
        this.#answers.set(id, answer);
      } catch (error) {
        logger.debug("a broker does not say what it knows of the cluster", { asked: id, error });
        this.#answers.delete(id);
      }
      await this.#pause(pollMs);
    }
  }

  #setReason(reason: string): void {
    if (this.#reason === reason) return;
    this.#reason = reason;
    this.#options.logger.info("this broker belongs to no cluster yet", { reason });
  }

  /** Ends early where the broker stops: a timer would keep its process alive. */
  async #pause(delayMs: number): Promise<void> {
    if (this.#isOver) return;
    const over = Promise.withResolvers<undefined>();
    const end = (): void => over.resolve(undefined);
    const timer = this.#options.clock.setTimer(delayMs, end);
    this.#pauses.add(end);
    await over.promise;
    this.#pauses.delete(end);
    timer.cancel();
  }
}

import { RopewalkError } from "@ropewalk/protocol";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { ConfChangeStep } from "raft-ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import { isEmptied } from "./broker-leaving.ts";
import { nextMembershipChange } from "./controller-voters.ts";
import type { MetadataImage } from "./metadata-image.ts";
import { SilentFor } from "./silent-for.ts";

/** What keeping the membership needs. */
export interface ControllerMembershipOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly image: MetadataImage;
  readonly group: () => RaftGroup;
  /** How often the membership is looked at. */
  readonly intervalMs: number;
  /** Brokers that were to form the cluster are waited for so long, from when this broker became the controller. */
  readonly awaitMs: number;
  /** A voter that was fenced for so long is replaced; 0: never. */
  readonly replaceDelayMs: number;
  /** How long a change that somebody waits for may take. */
  readonly changeMsMax: number;
}

/** A member that lacks no more entries than this may become a voter. */
const lagMax = 100;
const retryMs = 20;
/**
 * A member that did not register for so long does not come, as one that was taken in and then refused, or died on the way. Whoever
 * comes later all the same becomes a member by that.
 */
const strayMsMax = 60_000;
const noContext = new Uint8Array(0);

/**
 * Who votes on the cluster's metadata and who follows: at the controller, changes the membership of its group, one
 * change at a time, until it is as the metadata says.
 */
export class ControllerMembership {
  readonly #options: ControllerMembershipOptions;
  #timer: Timer | undefined;
  #isStopped = false;
  readonly #lost: SilentFor;
  readonly #stray: SilentFor;
  #leadingSinceMs: number | undefined;

  constructor(options: ControllerMembershipOptions) {
    this.#options = options;
    const { group, image, replaceDelayMs } = options;
    this.#lost = new SilentFor(
      () => replaceDelayMs,
      () => fencedIds(image),
    );
    this.#stray = new SilentFor(
      () => strayMsMax,
      () => group().confState.learners.filter((id) => !image.brokers.has(id)),
    );
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /**
   * Makes a broker a member that does not vote and has nothing: what it acknowledged under its name before counts
   * no more. Rejects with NOT_LEADER, or BUSY where it could not be done in time.
   */
  async makeEmptyLearner(brokerId: number): Promise<void> {
    const { clock, changeMsMax, group } = this.#options;
    const endMs = clock.monotonicMs() + changeMsMax;
    while (!group().confState.learners.includes(brokerId)) {
      if (clock.monotonicMs() >= endMs) throw busy(brokerId, changeMsMax);
      if (!(await this.#change([{ type: "addLearner", nodeId: brokerId }]))) {
        await new Promise<void>((resolve) => void clock.setTimer(retryMs, resolve));
      }
      if (group().leadership.kind !== "leading") throw notLeading(brokerId, group().leaderId);
    }
    group().forgetProgress(brokerId);
  }

  #schedule(): void {
    const { clock, intervalMs, logger } = this.#options;
    if (this.#isStopped) return;
    this.#timer = clock.setTimer(intervalMs, () => {
      this.#improve()
        .catch((error: unknown) => logger.warn("the controller's group stays as it is", { error }))
        .finally(() => this.#schedule());
    });
  }

  async #improve(): Promise<void> {
    const { awaitMs, brokerId, clock, group, image, logger } = this.#options;
    const { confState, leadership } = group();
    if (leadership.kind !== "leading") {
      this.#leadingSinceMs = undefined;
      this.#lost.clear();
      this.#stray.clear();
    }
    if (leadership.kind !== "leading" || image.clusterId === "") return;
    const nowMs = clock.monotonicMs();
    this.#leadingSinceMs ??= nowMs;
    const progress = new Map(
      group()
        .memberProgress()
        .map((each) => [each.id, each]),
    );
    const { appliedIndex } = group();
    const isCurrent = (id: number): boolean => {
      if (id === brokerId) return true;
      const { match = 0, recentActive = false } = progress.get(id) ?? {};
      return recentActive && match > 0 && match + lagMax >= appliedIndex;
    };
    const change = nextMembershipChange({
      conf: confState,
      brokers: image.brokers,
      removedIds: image.removedIds,
      lostIds: this.#lost.update(nowMs),
      strayIds: this.#stray.update(nowMs),
      isAwaiting: nowMs - this.#leadingSinceMs < awaitMs,
      leaderId: brokerId,
      isCurrent,
      holdsReplicas: (id) => !isEmptied(image, id),
    });
    if (change === undefined || !(await this.#change(change))) return;
    const { learners, voters } = group().confState;
    logger.info("the controller's group has changed", { voters, learners });
  }

  /** Answers whether the change is in force; `false` where another one is under way, or leadership went away. */
  #change(changes: readonly ConfChangeStep[]): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const change = { transition: "auto", changes, context: noContext } as const;
    const proposed = this.#options.group().proposeMembership(change, {
      committed: () => resolve(true),
      failed: () => resolve(false),
    });
    if (proposed.kind !== "appended") resolve(false);
    return promise;
  }
}

function fencedIds({ brokers }: MetadataImage): number[] {
  return [...brokers.values()].flatMap(({ brokerId, fenced }) => (fenced ? brokerId : []));
}

function busy(brokerId: number, changeMsMax: number): RopewalkError {
  return new RopewalkError(
    "BUSY",
    `Cannot take in broker ${brokerId}: a majority of the voters did not agree within ${changeMsMax} ms`,
  );
}

function notLeading(brokerId: number, leaderId: number): RopewalkError {
  const hint = leaderId === 0 ? {} : { leaderId };
  const message = `Cannot take in broker ${brokerId} here: this broker is not the controller`;
  return new RopewalkError("NOT_LEADER", message, hint);
}

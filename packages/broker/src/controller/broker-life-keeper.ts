import { RopewalkError } from "@ropewalk/protocol";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import { raisesFeatureLevel } from "../configs/feature-configs.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { Leadership } from "../raft/state-machine.ts";
import { type BrokerSession, fencingChanges } from "./broker-fencing.ts";
import { type BrokerLifeChange, lifeChange } from "./broker-life.ts";
import { isEmptied } from "./broker-leaving.ts";
import { commonFeatureLevel } from "./feature-level.ts";
import type { MetadataImage } from "./metadata-image.ts";
import type { ReplicaMover } from "./replica-mover.ts";
import type { Turns } from "../turns.ts";

/** What a broker says when it says that it lives. */
export interface BrokerHeartbeat {
  readonly brokerId: number;
  readonly directoryId: string;
  readonly appliedIndex: number;
}

/** What keeping needs. */
export interface BrokerLifeKeeperOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly image: MetadataImage;
  readonly group: () => RaftGroup;
  readonly propose: (
    action: string,
    change: BrokerLifeChange | FeatureLevelChange,
  ) => Promise<unknown>;
  readonly mover: ReplicaMover | undefined;
  /** Whoever changes a broker's life: it is changed as a whole, so that a change must know of the one before. */
  readonly turns: Turns;
  readonly checkMs: number;
  readonly sessionTimeoutMs: number;
  /** Brokers that were to form the cluster. */
  readonly bootstrapCount: number;
}

/** A higher feature level, as the metadata has it. */
export interface FeatureLevelChange {
  readonly kind: "featureLevelRaised";
  readonly level: number;
}

/** So long a new controller keeps the feature level for the sake of founders that have not come: they may know less. */
const foundersWaitMsMax = 60_000;

/** A broker that lags no more entries behind may be unfenced. */
const lagMax = 1000;

/**
 * Hears the brokers at the controller: fences those that fell silent, unfences those that are heard again, and
 * removes those that were to go once they hold nothing any more.
 */
export class BrokerLifeKeeper {
  readonly #options: BrokerLifeKeeperOptions;
  readonly #sessions = new Map<number, BrokerSession>();
  #sinceMs = 0;
  #timer: Timer | undefined;
  #isStopped = false;
  /** The feature level that was proposed and is not applied yet; 0: none. */
  #raisingTo = 0;

  constructor(options: BrokerLifeKeeperOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Leadership is new: who was heard by whom before is not known. */
  leadershipChanged(leadership: Leadership): void {
    if (leadership.kind !== "leading") return;
    this.#sessions.clear();
    this.#sinceMs = this.#options.clock.monotonicMs();
  }

  /** Takes a broker's sign of life. Throws NOT_LEADER, or INVALID_REQUEST where it is of another incarnation. */
  heard({ appliedIndex, brokerId, directoryId }: BrokerHeartbeat): void {
    const { clock, group, image } = this.#options;
    const { leadership, leaderId } = group();
    if (leadership.kind !== "leading") {
      const hint = leaderId === 0 ? {} : { leaderId };
      throw new RopewalkError("NOT_LEADER", "Cannot take a heartbeat: not the controller", hint);
    }
    if (image.brokers.get(brokerId)?.directoryId !== directoryId) {
      const why = image.removedDirectories.has(directoryId)
        ? `it was removed from cluster ${image.clusterId}; stop it`
        : `it is not registered with data directory ${directoryId}`;
      const message = `Cannot take a heartbeat of broker ${brokerId}: ${why}`;
      throw new RopewalkError("INVALID_REQUEST", message);
    }
    this.#sessions.set(brokerId, { directoryId, appliedIndex, heardMs: clock.monotonicMs() });
  }

  /** A broker has just registered, which is a sign of life, too. */
  registered({ brokerId, directoryId }: Pick<BrokerHeartbeat, "brokerId" | "directoryId">): void {
    const heardMs = this.#options.clock.monotonicMs();
    this.#sessions.set(brokerId, { directoryId, appliedIndex: 0, heardMs });
  }

  /** What every broker can do may be more now: a new cluster is not to wait for it. */
  featuresChanged(): void {
    const { logger } = this.#options;
    this.#raiseFeatureLevel().catch((error: unknown) =>
      logger.debug("the feature level is raised later", { error }),
    );
  }

  /** Whether the registered incarnation of a broker was heard lately, or may have been by the controller before. */
  isHeard(brokerId: number): boolean {
    const { clock, image, sessionTimeoutMs } = this.#options;
    const broker = image.brokers.get(brokerId);
    if (broker === undefined || broker.fenced) return false;
    const session = this.#sessions.get(brokerId);
    const heardMs = session?.directoryId === broker.directoryId ? session.heardMs : this.#sinceMs;
    return clock.monotonicMs() - Math.max(heardMs, this.#sinceMs) < sessionTimeoutMs;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    const { checkMs, clock, logger } = this.#options;
    if (this.#isStopped) return;
    this.#timer = clock.setTimer(checkMs, () => {
      this.#check()
        .catch((error: unknown) => logger.warn("brokers' states stay as they are", { error }))
        .finally(() => this.#schedule());
    });
  }

  async #check(): Promise<void> {
    const { group, turns } = this.#options;
    if (group().leadership.kind !== "leading") return;
    for (const { broker } of this.#fencing()) await turns.run(() => this.#fence(broker.brokerId));
    for (const { brokerId } of this.#removals()) await turns.run(() => this.#remove(brokerId));
    await this.#raiseFeatureLevel();
    await this.#moveReplicas();
  }

  /** Asked again in its turn: an admin's word may have come before it. */
  async #fence(brokerId: number): Promise<void> {
    const { logger, propose } = this.#options;
    const change = this.#fencing().find(({ broker }) => broker.brokerId === brokerId);
    if (change === undefined) return;
    const { broker, fenced } = change;
    const action = `${fenced ? "fence" : "unfence"} broker ${brokerId}`;
    await propose(action, lifeChange(broker, { fenced }));
    logger.info(fenced ? "a broker is silent and fenced" : "a broker is back", { brokerId });
  }

  /** The same. */
  async #remove(brokerId: number): Promise<void> {
    const { logger, propose } = this.#options;
    const change = this.#removals().find((each) => each.brokerId === brokerId);
    if (change === undefined) return;
    await propose(`remove broker ${brokerId}`, change);
    logger.info("a decommissioned broker is removed", { brokerId });
  }

  async #raiseFeatureLevel(): Promise<void> {
    const { image, logger, propose } = this.#options;
    if (!raisesFeatureLevel(image.clusterConfigs) || !this.#haveAllCome()) return;
    const level = commonFeatureLevel(image.brokers.values());
    if (level <= Math.max(image.featureLevel, this.#raisingTo)) return;
    this.#raisingTo = level;
    try {
      await propose(`raise the feature level to ${level}`, { kind: "featureLevelRaised", level });
    } finally {
      this.#raisingTo = 0;
    }
    if (image.featureLevel < level) return;
    logger.info("every broker knows more: the feature level is raised", { level });
  }

  /** Whether nobody is on the way who may know less than those that are here: this broker itself may be, for a moment. */
  #haveAllCome(): boolean {
    const { bootstrapCount, clock, group, image } = this.#options;
    const { learners, voters, votersOutgoing } = group().confState;
    const members = [...voters, ...votersOutgoing, ...learners];
    if (!members.every((id) => image.brokers.has(id))) return false;
    const ledMs = clock.monotonicMs() - this.#sinceMs;
    return image.brokers.size >= bootstrapCount || ledMs >= foundersWaitMsMax;
  }

  /** The wish is in the metadata, so that every controller goes on where the one before left off. */
  async #moveReplicas(): Promise<void> {
    const { image, mover } = this.#options;
    if (mover === undefined) return;
    for (const { brokerId, duty } of image.brokers.values()) {
      const isLeaving = duty === "decommissioned" && !isEmptied(image, brokerId);
      if (isLeaving) await mover.moveAway(brokerId);
    }
  }

  #fencing(): ReturnType<typeof fencingChanges> {
    const { clock, group, image, sessionTimeoutMs } = this.#options;
    return fencingChanges({
      brokers: image.brokers.values(),
      sessions: this.#sessions,
      sinceMs: this.#sinceMs,
      nowMs: clock.monotonicMs(),
      sessionTimeoutMs,
      indexMin: group().appliedIndex - lagMax,
    });
  }

  /**
   * Brokers that were to go, have nothing to do with any partition any more, and do not vote. The removal's entry also settles that they
   * do not: a majority of those that do has it on disk once it is committed, together with the commit index of
   * the change before it, so that none that starts again and may be elected counts on a vote of who left.
   */
  #removals(): BrokerLifeChange[] {
    const { group, image } = this.#options;
    const leaving = [...image.brokers.values()].filter(({ duty }) => duty === "decommissioned");
    if (leaving.length === 0) return [];
    const { voters, votersOutgoing } = group().confState;
    return leaving
      .filter(({ brokerId }) => isEmptied(image, brokerId))
      .filter(({ brokerId }) => ![...voters, ...votersOutgoing].includes(brokerId))
      .map(({ brokerId, directoryId }) => ({
        kind: "brokerStateChanged",
        brokerId,
        directoryId,
        life: "removed",
      }));
  }
}

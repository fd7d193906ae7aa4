import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { LedPartition } from "../moves/led-partitions.ts";
import type { MetadataImage } from "./metadata-image.ts";
import type { SizeOf } from "./reassignment-planner.ts";

/** How brokers that came get their share, as the cluster's configs have it. */
export interface JoinBalancing {
  readonly isOn: boolean;
  /** So long after the last one came: others may come with it. */
  readonly delayMs: number;
  readonly movesAtOnceMax: number;
}

/** What balancing needs. */
export interface JoinBalancerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly image: Pick<MetadataImage, "brokers" | "newcomerIds" | "topics">;
  readonly settings: () => JoinBalancing;
  readonly isLeading: () => boolean;
  readonly isAlive: (brokerId: number) => boolean;
  /** By group; partitions whose leader does not answer are missing. */
  readonly ledPartitions: () => Promise<ReadonlyMap<number, LedPartition>>;
  /** Begins to move so many partitions at most to these brokers; answers how many begin to. */
  readonly share: (ids: readonly number[], sizeOf: SizeOf, max: number) => Promise<number>;
  /** These brokers have their share. */
  readonly settle: (ids: readonly number[]) => Promise<unknown>;
}

/** How often it is looked while there is somebody to give to. */
const lookMs = 1000;

/**
 * Newcomers that can be given something. One that is drained, or to leave, has had nothing yet: it stays a newcomer until
 * it is undrained, or gone.
 */
function owedIds({
  brokers,
  newcomerIds,
}: Pick<MetadataImage, "brokers" | "newcomerIds">): readonly number[] {
  return [...newcomerIds].filter((id) => brokers.get(id)?.duty === "serving");
}

/** What speaks against moving anything now, for people; `undefined` where nothing does. */
function balancingFault(
  { brokers, topics }: Pick<MetadataImage, "brokers" | "topics">,
  isAlive: (brokerId: number) => boolean,
): string | undefined {
  for (const { brokerId, fenced } of brokers.values()) {
    if (fenced || !isAlive(brokerId)) return `broker ${brokerId} is silent`;
  }
  for (const { name, partitions } of topics.values()) {
    const moving = partitions.find(({ move }) => move !== undefined);
    if (moving !== undefined) return `${name}-${moving.partition} moves`;
  }
  return undefined;
}

/**
 * Gives brokers that joined their share of the replicas, at the controller: a few partitions, and when they have moved
 * the next ones, each time by a plan of its own. Who came is in the metadata, so that every controller goes on where the one before
 * left off; while somebody is silent, a replica lacks something or anything else moves, it waits.
 */
export class JoinBalancer {
  readonly #options: JoinBalancerOptions;
  #timer: Timer | undefined;
  #newcomers = "";
  #sinceMs = 0;
  #waitsFor: string | undefined;
  #isStopped = false;

  constructor(options: JoinBalancerOptions) {
    this.#options = options;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, logger } = this.#options;
    this.#timer = clock.setTimer(lookMs, () => {
      this.#look()
        .catch((error: unknown) =>
          logger.warn("brokers that joined do not get their share yet", { error }),
        )
        .finally(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const { image, isAlive, isLeading, settings } = this.#options;
    const newcomerIds = isLeading() ? owedIds(image) : [];
    const { delayMs, isOn, movesAtOnceMax } = settings();
    if (!isOn || !this.#isDue(newcomerIds, delayMs)) return;
    const fault = balancingFault(image, isAlive);
    if (fault !== undefined) return this.#wait(fault);
    await this.#balance(newcomerIds, movesAtOnceMax);
  }

  /** Whether there is somebody, and nobody came lately; a new controller counts anew. */
  #isDue(newcomerIds: readonly number[], delayMs: number): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const newcomers = newcomerIds.join();
    if (newcomers !== this.#newcomers) {
      this.#newcomers = newcomers;
      this.#sinceMs = nowMs;
    }
    return newcomerIds.length > 0 && nowMs - this.#sinceMs >= delayMs;
  }

  async #balance(newcomerIds: readonly number[], movesAtOnceMax: number): Promise<void> {
    const { isLeading, ledPartitions, logger, settle, share } = this.#options;
    const led = await ledPartitions();
    const fault = this.#partitionFault(led);
    if (fault !== undefined) return this.#wait(fault);
    if (!isLeading()) return;
    this.#waitsFor = undefined;
    const sizeOf: SizeOf = (groupId) => led.get(groupId)?.sizeBytes ?? 0;
    const count = await share(newcomerIds, sizeOf, movesAtOnceMax);
    if (count > 0) {
      logger.info("brokers that joined get their share of the replicas", { newcomerIds, count });
      return;
    }
    await settle(newcomerIds);
    logger.info("brokers that joined have their share of the replicas", { newcomerIds });
  }

  #partitionFault(led: ReadonlyMap<number, LedPartition>): string | undefined {
    for (const { name, partitions } of this.#options.image.topics.values()) {
      for (const { groupId, partition } of partitions) {
        const there = led.get(groupId);
        if (there === undefined) return `${name}-${partition} has no leader`;
        if (there.isLacking) return `${name}-${partition} is under-replicated`;
      }
    }
    return undefined;
  }

  #wait(fault: string): void {
    if (this.#waitsFor === fault) return;
    this.#waitsFor = fault;
    this.#options.logger.info("brokers that joined wait for their share", { because: fault });
  }
}

import type { HistoryCut, LogStore } from "@ropewalk/log";
import type { Clock, KeyValueChange, KeyValueStore, Logger, Timer } from "@ropewalk/runtime";
import type { Checkpointer } from "../checkpointer.ts";
import type { RaftGroup } from "./raft-group.ts";
import { encodeStateImage, imageChanges } from "./state-image.ts";
import type { StateMachine } from "./state-machine.ts";

/** What keeping needs. */
export interface HistoryKeeperOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: LogStore;
  readonly state: KeyValueStore;
  readonly checkpointer: Checkpointer;
  /** How often the logs of internal state machines are looked at. */
  readonly intervalMs: number;
  /** How long a cut that was not possible waits to be tried again. */
  readonly retryMs: number;
  /** An internal log is cut when so many entries were applied since its last image. */
  readonly entriesPerImage: number;
  /** An internal log is not cut where its image is larger: no snapshot could carry it to a replica that lags behind. */
  readonly imageBytesMax: number;
}

/** A group and the machine that its entries are applied to. */
export interface KeptGroup {
  readonly group: RaftGroup;
  readonly machine: StateMachine;
}

/** A machine's image, to be kept in the log, and what makes the store beside it hold the same. */
interface TakenImage {
  readonly index: number;
  readonly image: Uint8Array;
  readonly changes: readonly KeyValueChange[];
}

/**
 * Lets go what of the groups' history nobody needs: first the state that it led to becomes durable, beside the log
 * and in it, then the log is cut. So a broker whose materialized state is lost rebuilds it from image and log.
 */
export class HistoryKeeper {
  readonly #options: HistoryKeeperOptions;
  readonly #internal = new Set<KeptGroup>();
  readonly #pending = new Map<RaftGroup, { machine: StateMachine; startOffset: number }>();
  /** Replicas that are gone; another one may have their log. */
  readonly #removed = new WeakSet<RaftGroup>();
  #cutting: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #retryTimer: Timer | undefined;
  #isStopped = false;

  constructor(options: HistoryKeeperOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** The log of an internal state machine: what an image contains may go. */
  addInternal(kept: KeptGroup): void {
    this.#internal.add(kept);
  }

  /** The group is gone. */
  remove(group: RaftGroup): void {
    this.#removed.add(group);
    this.#pending.delete(group);
    for (const kept of this.#internal) if (kept.group === group) this.#internal.delete(kept);
  }

  /** Records of a group before `startOffset` are not wanted any more. */
  startMoved({ group, machine }: KeptGroup, startOffset: number): void {
    if (group.log.startOffset() >= startOffset) return; // The log knows already.
    this.#pending.set(group, { machine, startOffset });
    this.#enqueue(() => this.#cutPending(group));
  }

  /** Resolves when nothing that was begun up to now is under way. */
  settled(): Promise<void> {
    return this.#cutting;
  }

  /** Makes the state that a log has led to durable, so that what it was made from may go. */
  saveImage({ group, machine }: KeptGroup): Promise<void> {
    const saved = this.#cutting.then(() => this.#saveImage(group, machine));
    this.#cutting = saved.then(
      () => undefined,
      () => undefined, // Told to who asked.
    );
    return saved.then(() => undefined);
  }

  /** Nothing begins any more; waits for what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#retryTimer?.cancel();
    await this.#cutting;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.setTimer(intervalMs, () => {
      this.#enqueue(() => this.#cutInternal());
      void this.#cutting.then(() => this.#schedule());
    });
  }

  // It stays pending until it is done: on a disk that is full it may be that nothing can be let go for a while.
  async #cutPending(group: RaftGroup): Promise<void> {
    const pending = this.#pending.get(group);
    if (pending === undefined) return;
    const { machine, startOffset } = pending;
    try {
      const isCut = await this.#cut(group, machine, { startOffset });
      if (isCut || this.#isGone(group)) this.#forget(group, pending);
      else this.#retryLater();
    } catch (error) {
      this.#retryLater();
      throw error;
    }
  }

  #forget(group: RaftGroup, pending: object): void {
    if (this.#pending.get(group) === pending) this.#pending.delete(group);
  }

  #retryLater(): void {
    const { clock, retryMs } = this.#options;
    this.#retryTimer?.cancel();
    if (this.#isStopped) return;
    this.#retryTimer = clock.setTimer(retryMs, () => {
      for (const group of this.#pending.keys()) this.#enqueue(() => this.#cutPending(group));
    });
  }

  async #cutInternal(): Promise<void> {
    const { entriesPerImage } = this.#options;
    for (const { group, machine } of this.#internal) {
      const before = group.log.imageIndex ?? 0;
      if (machine.appliedIndex - before < entriesPerImage) continue;
      // What the image before contains goes; what came since stays for replicas that are a little behind.
      const image = await this.#saveImage(group, machine);
      if (image === undefined || this.#isTooLarge(group, image)) continue;
      await this.#options.store.cut(group.log, { index: before + 1 });
    }
  }

  #isTooLarge({ key }: RaftGroup, { image }: TakenImage): boolean {
    const { imageBytesMax, logger } = this.#options;
    if (image.length <= imageBytesMax) return false;
    const fields = { ...key, imageBytes: image.length, imageBytesMax };
    logger.warn("an internal log is kept whole: its state is too large for a snapshot", fields);
    return true;
  }

  async #cut(group: RaftGroup, machine: StateMachine, cut: HistoryCut): Promise<boolean> {
    if ((await this.#saveImage(group, machine)) === undefined) return false;
    await this.#options.store.cut(group.log, cut);
    return true;
  }

  #isGone(group: RaftGroup): boolean {
    return this.#removed.has(group) || this.#options.store.group(group.log.key) !== group.log;
  }

  /** Answers what was saved; `undefined` where that could not be. */
  async #saveImage(group: RaftGroup, machine: StateMachine): Promise<TakenImage | undefined> {
    const { checkpointer, store } = this.#options;
    const taken: TakenImage[] = [];
    // An image that was taken before its turn to be written would put back what was applied meanwhile.
    const isCommitted = await checkpointer.commit(() => {
      taken.push(...this.#takeImage(group, machine));
      return taken.flatMap(({ changes }) => changes);
    });
    const [image] = taken;
    if (!isCommitted || image === undefined || this.#isGone(group)) return undefined;
    await store.saveImage(group.log, image.index, image.image);
    return this.#isGone(group) ? undefined : image;
  }

  /** One image; none of a group that is gone, or has applied nothing. */
  #takeImage(group: RaftGroup, machine: StateMachine): TakenImage[] {
    const index = machine.appliedIndex;
    if (this.#isGone(group) || index === 0) return [];
    const state = machine.takeImage();
    const changes = imageChanges(this.#options.state, group.log.key, index, state);
    return [{ index, image: encodeStateImage(state), changes }];
  }

  #enqueue(work: () => Promise<void>): void {
    const { logger, store } = this.#options;
    this.#cutting = this.#cutting.then(async () => {
      if (this.#isStopped || store.failed !== undefined) return;
      try {
        await work();
      } catch (error) {
        // Nothing is lost by it: more is kept than would have to be.
        logger.warn("history that is not needed could not be let go", { error });
      }
    });
  }
}

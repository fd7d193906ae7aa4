import type { Clock, Disk, Logger, Timer } from "@ropewalk/runtime";
import type { CheckpointWriter } from "./checkpoint/checkpoint-writer.ts";
import type { Destager } from "./destage/destager.ts";
import type { Journal } from "./journal/journal.ts";
import type { LogConfig } from "./log-config.ts";

/** With less free than so many times the reserve the journal is made ready for a disk that is full. */
const nearlyFullFactor = 2;

/** What of the reserve the journal then gets for itself. */
const securedShare = 1 / 8;

/** What is watched. */
export interface SpaceWatchOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: LogConfig;
  readonly journal: Journal;
  readonly destager: Destager;
  readonly checkpoint: CheckpointWriter;
}

/**
 * Tells in time that the disk is getting full: while there is still room for what must be written (votes,
 * tombstones, checkpoints), so that no write ever has to fail. It looks again and again, and between two looks
 * counts what the store takes itself; so it notices when room was made. What found no room is tried again then,
 * and while the disk is full the journal gives up what nobody wants.
 */
export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  #isFull = false;
  #freeBytes = Number.POSITIVE_INFINITY;
  /** What the store had taken when that was looked at. */
  #takenBefore = 0;
  #timer: Timer | undefined;
  #checking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SpaceWatchOptions) {
    this.#options = options;
  }

  /** Whether nothing should be written that can be refused. */
  get isFull(): boolean {
    const { config, journal } = this.#options;
    if (this.#isFull) return true;
    return this.freeBytes + Math.min(0, journal.writableBytes) < config.diskReserveBytes;
  }

  /** What was free at the last look, without what the store took since. */
  get freeBytes(): number {
    return this.#freeBytes - (this.#takenBytes() - this.#takenBefore);
  }

  /** Whether half of the reserve is gone, too, so that only what makes room should be written. */
  get isReserveLow(): boolean {
    const { config, journal } = this.#options;
    if (journal.isWaiting) return true;
    return this.freeBytes + journal.writableBytes < config.diskReserveBytes / 2;
  }

  /** Looks at the disk now, and from now on. */
  async start(): Promise<void> {
    await this.#attempt(() => this.#look());
    this.#schedule();
  }

  /** Waits for a look that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#checking;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, config } = this.#options;
    this.#timer = clock.setTimer(config.spaceCheckMs, () => {
      this.#checking = this.#attempt(() => this.#check());
      void this.#checking.then(() => this.#schedule());
    });
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    const { directory, logger } = this.#options;
    try {
      await work();
    } catch (error) {
      logger.warn("What a full disk asks for could not be done yet.", { directory, error });
    }
  }

  async #check(): Promise<void> {
    await this.#look();
    const { checkpoint, destager } = this.#options;
    if (this.#isStopped) return;
    if (this.#isFull) await destager.dropUnwanted();
    destager.poke();
    if (checkpoint.isOwed) await checkpoint.write();
  }

  async #look(): Promise<void> {
    const { config, directory, disk, journal, logger } = this.#options;
    const takenBefore = this.#takenBytes();
    const freeBytes = await disk.freeBytes(directory);
    this.#freeBytes = freeBytes;
    this.#takenBefore = takenBefore;
    const hasRoom = freeBytes >= config.diskReserveBytes;
    if (hasRoom && journal.mustRetry) await journal.retry();
    if (freeBytes < config.diskReserveBytes * nearlyFullFactor) {
      await journal.secureRoom(Math.ceil(config.diskReserveBytes * securedShare));
    }
    const isFull = !hasRoom || journal.isShort;
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    const fields = { directory, freeBytes, reserveBytes: config.diskReserveBytes };
    if (isFull) logger.error("The disk is full: records are refused until there is room.", fields);
    else logger.info("The disk has room again.", fields);
    await journal.setDiskFull(isFull);
  }

  #takenBytes(): number {
    const { destager, journal } = this.#options;
    return journal.grownBytes + destager.writtenBytes;
  }
}

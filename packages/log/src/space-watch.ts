import { type Clock, type Disk, DiskError, type Logger, type Timer } from "@ropewalk/runtime";
import type { Journal } from "./journal/journal.ts";
import type { LogConfig } from "./log-config.ts";

/** What is watched. */
export interface SpaceWatchOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: LogConfig;
  readonly journal: Journal;
}

/**
 * Tells in time that the disk is getting full: while there is still room for what must be written (votes,
 * tombstones, checkpoints), so that no write ever has to fail. It looks again and again, and so notices when
 * room was made.
 */
export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  #isFull = false;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: SpaceWatchOptions) {
    this.#options = options;
  }

  /** Whether nothing should be written that can be refused. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Looks at the disk from now on. */
  start(): void {
    if (this.#isStopped) return;
    const { clock, config } = this.#options;
    this.#timer = clock.setTimer(config.spaceCheckMs, () => {
      void this.check().finally(() => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Looks at the disk now. */
  async check(): Promise<void> {
    const { config, directory, disk, journal, logger } = this.#options;
    try {
      const freeBytes = await disk.freeBytes(directory);
      if (isShortage(journal.shortage) && freeBytes >= config.diskReserveBytes) {
        await journal.prepareNext();
      }
      const isFull = freeBytes < config.diskReserveBytes || isShortage(journal.shortage);
      if (isFull === this.#isFull) return;
      this.#isFull = isFull;
      const fields = { directory, freeBytes, reserveBytes: config.diskReserveBytes };
      if (isFull)
        logger.error("The disk is full: records are refused until there is room.", fields);
      else logger.info("The disk has room again.", fields);
    } catch (error) {
      logger.warn("The free space of the disk could not be read.", { directory, error });
    }
  }
}

function isShortage(failure: unknown): boolean {
  return failure instanceof DiskError && failure.code === "FULL";
}

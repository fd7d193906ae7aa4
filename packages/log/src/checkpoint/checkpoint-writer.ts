import { DiskError, type Disk, type Logger } from "@ropewalk/runtime";
import { LogError } from "../log-error.ts";
import type { Checkpoint } from "./checkpoint-codec.ts";
import { CheckpointFiles } from "./checkpoint-files.ts";

/** What checkpoints are made of, and who hears of them. */
export interface CheckpointWriterOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  /** The number of the last checkpoint there is. */
  readonly lastNumber: number;
  /** What the groups are now. Everything it says must be durable once `barrier` has resolved. */
  readonly capture: () => Omit<Checkpoint, "number">;
  readonly barrier: () => Promise<void>;
  /** Nothing that only an older checkpoint needs is needed any more. */
  readonly written: (checkpoint: Checkpoint) => Promise<void>;
  /** A file that nobody needs is not there any more. */
  readonly removed: (path: string) => void;
  /** The disk failed for good. */
  readonly onFailed: (error: LogError) => void;
}

/**
 * Writes checkpoints, one at a time. Files that nothing names any more are removed only after a checkpoint
 * without them is durable: after a crash in between they are named by nobody, and go at the next start.
 */
export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  readonly #files: CheckpointFiles;
  #number: number;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #unneeded: string[] = [];
  #failed: LogError | undefined;
  #isClosed = false;
  /** There was no room for the last one. */
  #isLate = false;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
    this.#files = new CheckpointFiles(options.disk, options.directory);
    this.#number = options.lastNumber;
  }

  /**
   * Writes the checkpoint that a start has found once more: what was read may not be on the disk, and
   * nothing that the one before needs may go until it is.
   */
  settle(checkpoint: Checkpoint): Promise<void> {
    return this.#files.write(checkpoint);
  }

  /** A file that goes once a checkpoint that is captured from now on is durable. */
  removeLater(path: string): void {
    this.#unneeded.push(path);
  }

  /**
   * Resolves when a checkpoint that was captured after this call is durable. Rejects with the disk's FULL,
   * which can be tried again, or with STORAGE_FAILED, which is for good.
   */
  write(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new LogError("STORE_CLOSED", "The store is closed"));
    if (this.#next === undefined) {
      const next = this.#running.then(() => this.#write());
      this.#next = next;
      this.#running = next.catch(() => undefined);
    }
    return this.#next;
  }

  /** Whether one should be written although nobody waits for it: none had room since, or files wait to be removed. */
  get isOwed(): boolean {
    return this.#isLate || this.#unneeded.length > 0;
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    await this.#files.close();
  }

  async #write(): Promise<void> {
    this.#next = undefined;
    if (this.#failed !== undefined) throw this.#failed;
    const unneeded = this.#unneeded;
    this.#unneeded = [];
    const checkpoint = { ...this.#options.capture(), number: this.#number + 1 };
    try {
      await this.#options.barrier();
      await this.#files.write(checkpoint);
    } catch (cause) {
      this.#unneeded.push(...unneeded);
      throw this.#fail(cause);
    }
    this.#number = checkpoint.number;
    this.#isLate = false;
    await this.#clean(unneeded);
    await this.#options.written(checkpoint);
  }

  async #clean(paths: readonly string[]): Promise<void> {
    const { disk, logger } = this.#options;
    for (const path of paths) {
      await disk.remove(path).catch((error: unknown) => {
        // The next start finds it, named by nobody.
        logger.warn("A file that is not needed any more could not be removed.", { path, error });
      });
      this.#options.removed(path);
    }
  }

  #fail(cause: unknown): unknown {
    if (cause instanceof DiskError && cause.code === "FULL") {
      this.#isLate = true;
      return cause;
    }
    if (cause instanceof LogError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failed = new LogError("STORAGE_FAILED", `Cannot write a checkpoint: ${reason}`, cause);
    this.#options.onFailed(this.#failed);
    return this.#failed;
  }
}

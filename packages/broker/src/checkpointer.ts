import {
  type Clock,
  DiskError,
  type KeyValueChange,
  type KeyValueStore,
  type Logger,
  type Timer,
} from "@ropewalk/runtime";
import type { StateMachine } from "./raft/state-machine.ts";

/**
 * Writes what the state machines materialized beside the log, now and then and at a clean stop, each
 * machine's changes and its applied index in one transaction. It only saves time at the next start:
 * the log has everything.
 */
export class Checkpointer {
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #machines = new Set<StateMachine>();
  readonly #removedKeys: string[] = [];
  /** What the machines gave and the store has not taken: the disk was full. */
  readonly #unwritten = new Map<string, KeyValueChange>();
  #timer: Timer | undefined;
  #stopped = false;
  #failed = false;
  #writing: Promise<boolean> = Promise.resolve(true);

  constructor(store: KeyValueStore, clock: Clock, logger: Logger, intervalMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    this.#intervalMs = intervalMs;
    this.#schedule();
  }

  add(machine: StateMachine): void {
    this.#machines.add(machine);
  }

  /** The machine is gone, if it was there, and with it what was kept of it under these keys. */
  remove(machine: StateMachine | undefined, keys: readonly string[]): void {
    if (machine !== undefined) this.#machines.delete(machine);
    this.#removedKeys.push(...keys);
  }

  /**
   * Writes changes behind all that changed up to now, in one transaction; answers whether the store has them.
   * They are asked for when their turn has come: what the machines changed until then is written before them,
   * and nothing is applied in between.
   */
  commit(bring: () => readonly KeyValueChange[]): Promise<boolean> {
    this.#writing = this.#writing.then(() => this.#write(bring));
    return this.#writing;
  }

  /** Writes what has changed up to now; answers whether the store has it. */
  flush(): Promise<boolean> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /**
   * The same, and where the disk is full again and again until there is room. Answers `false` where the store has
   * failed, or this was stopped before.
   */
  async flushSurely(): Promise<boolean> {
    while (!(await this.flush())) {
      if (this.#failed || this.#stopped) return false;
      await new Promise<void>((resolve) => void this.#clock.setTimer(this.#intervalMs, resolve));
    }
    return true;
  }

  /** Writes everything that is left; nothing is written afterwards. */
  async stop(lastChanges: readonly KeyValueChange[]): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#writing;
    await this.#write(() => lastChanges);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimer(this.#intervalMs, () => {
      void this.flush().then(() => this.#schedule());
    });
  }

  #collect(): KeyValueChange[] {
    const changes: KeyValueChange[] = this.#removedKeys
      .splice(0)
      .map((key) => ({ key, value: undefined }));
    // There may be ten thousand, and hardly one of them has changed.
    for (const machine of this.#machines) {
      for (const change of machine.takeChanges()) changes.push(change);
    }
    return changes;
  }

  async #write(bring: () => readonly KeyValueChange[] = () => []): Promise<boolean> {
    if (this.#failed) return false;
    try {
      for (const change of this.#collect()) this.#unwritten.set(change.key, change);
      // What was brought is not kept where it cannot be written: who brought it is told, and tries again.
      const changes = [...this.#unwritten.values(), ...bring()];
      if (changes.length > 0) await this.#store.commit(changes);
      this.#unwritten.clear();
      return true;
    } catch (error) {
      this.#reportFailure(error);
      return false;
    }
  }

  #reportFailure(error: unknown): void {
    if (error instanceof DiskError && error.code === "FULL") {
      this.#logger.warn("the disk is full; a checkpoint is written when there is room", { error });
      return;
    }
    // What is in the store is then older than it might be, but whole: changes of one transaction
    // come together. Since later ones build on these, nothing more is written until the restart.
    this.#failed = true;
    this.#logger.error(
      "a checkpoint could not be written; the next start applies more of the log",
      { error },
    );
  }
}

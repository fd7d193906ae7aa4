import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";

/** Resolves `delayMs` later by the process's clock; never where the process dies before. */
export function pause(process: SimulatedProcess, delayMs: number): Promise<void> {
  return new Promise((resolve) => void process.setTimer(delayMs, resolve));
}

/** How an activity goes on. */
export interface ActivityPace {
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
  /** A step begins at most so long after the one before has ended. */
  readonly everyMsMax: number;
}

/** Something that is done again and again, one step after the other, until it is told to stop. */
export class Activity {
  readonly #pace: ActivityPace;
  readonly #step: () => Promise<void>;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  /** A step that fails is one that was refused, which faults make ordinary: the next one is another try. */
  constructor(pace: ActivityPace, step: () => Promise<void>) {
    this.#pace = pace;
    this.#step = step;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** No step begins any more. */
  stop(): void {
    this.#isStopped = true;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Resolves when the last step has ended. */
  async ended(): Promise<void> {
    this.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { everyMsMax, process, random } = this.#pace;
    for (;;) {
      await pause(process, random.between(0, everyMsMax));
      if (this.#isStopped) return;
      await this.#step().catch(() => undefined);
    }
  }
}

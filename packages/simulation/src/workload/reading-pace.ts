import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import { pause } from "./activity.ts";

/** How long a reader takes for a record, until it is told to hurry. */
export class ReadingPace {
  readonly #random: SeededRandom;
  #handlingMsMax: number;
  readonly isSlow: boolean;

  /** `handlingMsMax` is 0 for a reader that takes no time at all. */
  constructor(random: SeededRandom, handlingMsMax: number) {
    this.#random = random;
    this.#handlingMsMax = handlingMsMax;
    this.isSlow = handlingMsMax > 0;
  }

  /** From now on it takes no time: it is to come to the end. */
  hurry(): void {
    this.#handlingMsMax = 0;
  }

  /** Resolves when a record has been dealt with; at once where that takes no time. */
  handled(process: SimulatedProcess): Promise<void> | undefined {
    if (this.#handlingMsMax === 0) return undefined;
    return pause(process, this.#random.between(0, this.#handlingMsMax));
  }
}

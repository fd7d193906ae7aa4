import type { Clock, Timer } from "@ropewalk/runtime";
import type { Holdings } from "../world/holdings.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";

/** The clock of a client's process, as the client alone uses it: its timers are held apart from those of the application. */
export class ClientClock implements Clock {
  readonly #process: SimulatedProcess;
  readonly #holdings: Holdings;

  constructor(process: SimulatedProcess, holdings: Holdings) {
    this.#process = process;
    this.#holdings = holdings;
  }

  monotonicMs(): number {
    return this.#process.monotonicMs();
  }

  wallMs(): number {
    return this.#process.wallMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const giveBack = this.#holdings.take("timer", `of ${delayMs} ms`);
    const timer = this.#process.setTimer(delayMs, () => {
      giveBack();
      callback();
    });
    return {
      cancel: () => {
        giveBack();
        timer.cancel();
      },
    };
  }

  defer(callback: () => void): void {
    this.#process.defer(callback);
  }
}

import { setTimeout as delay } from "node:timers/promises";
import type { LoadCounter } from "./load-counter.ts";
import { sharedUs } from "./shared-clock.ts";

const tickUs = 1000;
/** Ticks with records that were not taken before it is given up. */
const refusedTicksMax = 60_000;

/** A record that is due. */
export interface DueRecord {
  readonly dueUs: number;
  /** Milliseconds since the schedule began. */
  readonly tick: number;
  /** Whether it is the first of its millisecond, whose acknowledgement is timed for all of them. */
  readonly isTimed: boolean;
}

/**
 * Writes records when they are due, whatever became of those before. A record that is written or answered late is
 * late by the whole time since it was due: that is what a user who does not wait for others sees, and what a closed
 * loop hides (coordinated omission).
 */
export class OpenLoop {
  readonly #recordsPerSecond: number;
  readonly #counter: LoadCounter;
  #lastTick = -1;

  constructor(recordsPerSecond: number, counter: LoadCounter) {
    this.#recordsPerSecond = recordsPerSecond;
    this.#counter = counter;
  }

  /** Calls `write` for every record that is due, until the schedule ends; it answers whether there is room for more. */
  async run(write: (record: DueRecord) => boolean): Promise<void> {
    const { beginUs, endUs } = this.#counter.schedule;
    const usPerRecord = 1e6 / this.#recordsPerSecond;
    let written = 0;
    let refusedTicks = 0;
    for (let nowUs = sharedUs(); nowUs < endUs && refusedTicks < refusedTicksMax;) {
      const dueCount = Math.floor((nowUs - beginUs) / usPerRecord) + 1;
      let hasRoom = true;
      for (; written < dueCount && hasRoom; written++) {
        const dueUs = beginUs + written * usPerRecord;
        this.#counter.time("generatorDelay", dueUs, nowUs);
        hasRoom = write(this.#record(dueUs));
      }
      refusedTicks += hasRoom ? 0 : 1;
      await delay(1);
      nowUs = sharedUs();
    }
  }

  #record(dueUs: number): DueRecord {
    const tick = Math.floor((dueUs - this.#counter.schedule.beginUs) / tickUs);
    const isTimed = tick !== this.#lastTick;
    this.#lastTick = tick;
    return { dueUs, tick, isTimed };
  }
}

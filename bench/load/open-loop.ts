import { setTimeout as delay } from "node:timers/promises";
import type { LoadCounter } from "./load-counter.ts";
import { sharedUs } from "./shared-clock.ts";

/** Records that are due within the same millisecond travel to the same partition. */
const tickUs = 1000;
/** Records that may be overdue before the client says that its buffer is full for good. */
const refusedTicksMax = 60_000;

/** Records of one partition with times at which they are due, evenly spread. */
interface DueRun {
  readonly firstDueUs: number;
  count: number;
  taken: number;
}

/** How many records are due, and where. */
export interface OpenLoopPlan {
  readonly recordsPerSecond: number;
  readonly partitionCount: number;
}

/**
 * Writes records when they are due, whatever became of those before. A record that is written or answered late is
 * late by the whole time since it was due: that is what a user who does not wait for others sees, and what a closed
 * loop hides (coordinated omission).
 */
export class OpenLoop {
  readonly #plan: OpenLoopPlan;
  readonly #counter: LoadCounter;
  readonly #runs = new Map<number, DueRun[]>();

  constructor(plan: OpenLoopPlan, counter: LoadCounter) {
    this.#plan = plan;
    this.#counter = counter;
  }

  /** Calls `write` for every record that is due, until the schedule ends. It throws where a record is not taken. */
  async run(write: (partition: number, dueUs: number) => boolean): Promise<void> {
    const { beginUs, endUs } = this.#counter.schedule;
    const usPerRecord = 1e6 / this.#plan.recordsPerSecond;
    let written = 0;
    let refusedTicks = 0;
    for (let nowUs = sharedUs(); nowUs < endUs && refusedTicks < refusedTicksMax;) {
      const dueCount = Math.floor((nowUs - beginUs) / usPerRecord) + 1;
      let hasRoom = true;
      for (; written < dueCount && hasRoom; written++)
        hasRoom = this.#writeOne(beginUs + written * usPerRecord, nowUs, write);
      refusedTicks += hasRoom ? 0 : 1;
      await delay(1);
      nowUs = sharedUs();
    }
  }

  /** Takes the acknowledgement of the oldest records of a partition. */
  acknowledged(partition: number, recordCount: number): void {
    const nowUs = sharedUs();
    const usPerRecord = 1e6 / this.#plan.recordsPerSecond;
    const runs = this.#runs.get(partition) ?? [];
    let left = recordCount;
    while (left > 0) {
      const run = runs[0];
      if (run === undefined) return;
      for (; left > 0 && run.taken < run.count; left--, run.taken++)
        this.#counter.time("acknowledged", run.firstDueUs + run.taken * usPerRecord, nowUs);
      if (run.taken === run.count) runs.shift();
    }
  }

  #writeOne(
    dueUs: number,
    nowUs: number,
    write: (partition: number, dueUs: number) => boolean,
  ): boolean {
    const partition = Math.floor(dueUs / tickUs) % this.#plan.partitionCount;
    this.#counter.time("generatorDelay", dueUs, nowUs);
    let runs = this.#runs.get(partition);
    if (runs === undefined) this.#runs.set(partition, (runs = []));
    const last = runs.at(-1);
    const usPerRecord = 1e6 / this.#plan.recordsPerSecond;
    if (last !== undefined && isNext(last, dueUs, usPerRecord)) last.count++;
    else runs.push({ firstDueUs: dueUs, count: 1, taken: 0 });
    return write(partition, dueUs);
  }
}

function isNext(run: DueRun, dueUs: number, usPerRecord: number): boolean {
  return dueUs - (run.firstDueUs + run.count * usPerRecord) < usPerRecord / 2;
}

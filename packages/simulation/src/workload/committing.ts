import type { Consumer, ConsumerPosition, PartitionOffset } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import { callFailureOf } from "./call-failure.ts";
import type { GroupHistory } from "./group-history.ts";

/** A commit is waited for, and many of them would make a slow reader. */
const commitEveryMs = 200;

/** How long a tardy member takes from where it is to its commit. */
const tardyMsMax = 2000;

/**
 * How a member commits on its own: where it is, or, if it is tardy, where it was some time ago, which is to be refused where
 * it has given a partition up since; and, if it clings to what it read, offsets of its own for partitions that were taken
 * from it, which the coordinator is to refuse.
 */
export class Committing {
  readonly #consumer: Consumer;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;
  readonly #history: GroupHistory;
  readonly #isTardy: boolean;
  readonly #clings: boolean;
  /** Where it was when it was done with the last record. */
  #held: readonly ConsumerPosition[] = [];
  #lastMs: number;
  #noted: readonly ConsumerPosition[] | undefined;
  #dueMs = 0;

  constructor(
    consumer: Consumer,
    process: SimulatedProcess,
    random: SeededRandom,
    history: GroupHistory,
    clings: boolean,
  ) {
    this.#consumer = consumer;
    this.#process = process;
    this.#random = random;
    this.#history = history;
    this.#isTardy = random.chance(0.5);
    this.#clings = clings;
    this.#lastMs = process.monotonicMs();
  }

  /** The member has dealt with a record; resolves when it has committed, where it is time. */
  async recordDone(): Promise<void> {
    if (this.#clings) await this.#commitLost();
    const nowMs = this.#process.monotonicMs();
    if (this.#noted === undefined) {
      if (nowMs - this.#lastMs < commitEveryMs || this.#random.chance(0.9)) return;
      this.#noted = this.#consumer.positions();
      this.#dueMs = nowMs + (this.#isTardy ? this.#random.between(0, tardyMsMax) : 0);
    }
    if (nowMs < this.#dueMs) return;
    await this.#commit(this.#noted);
    this.#noted = undefined;
    this.#lastMs = this.#process.monotonicMs();
  }

  async #commitLost(): Promise<void> {
    const held = this.#held;
    this.#held = this.#consumer.positions();
    const lost = held.filter(({ partition }) => !this.#holds(partition));
    if (lost.length === 0) return;
    const fate = await this.#fateOf(
      lost.map(({ offset, partition, topic }) => ({ offset, partition, topic })),
    );
    // The coordinator may have given it back already, and its answer was lost.
    for (const { offset, partition } of fate === "refused" ? [] : lost)
      this.#history.rewound(partition, offset);
  }

  #holds(partition: number): boolean {
    return this.#consumer.positions().some((position) => position.partition === partition);
  }

  async #commit(positions: readonly ConsumerPosition[]): Promise<void> {
    const fate = await this.#fateOf(positions);
    for (const { offset, partition } of positions) {
      if (fate === "done") this.#history.committed(partition, offset);
      // It may be done later than one that comes after it.
      else if (fate === "unknown") this.#history.rewound(partition, offset);
    }
  }

  async #fateOf(offsets: readonly PartitionOffset[]): Promise<"done" | "refused" | "unknown"> {
    try {
      await this.#consumer.commit(offsets);
      return "done";
    } catch (error) {
      return callFailureOf(error).outcome === "definite" ? "refused" : "unknown";
    }
  }
}

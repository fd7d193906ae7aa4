import type { Consumer, ConsumerPosition } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { GroupHistory } from "./group-history.ts";

/** A commit is waited for, and many of them would make a slow reader. */
const commitEveryMs = 200;

/**
 * How long a tardy member takes from where it is to its commit. A partition that it has given up meanwhile does not come
 * back in that time: it would be granted with the heartbeat after the next, three seconds later.
 */
const tardyMsMax = 2000;

/** What took longer to be committed may be a partition that went to another member and came back. */
const surelySameMs = 2900;

/**
 * How a member commits on its own: where it is, or, if it is tardy, where it was some time ago; and, if it clings to what it
 * read, where it was in a partition that was taken from it a moment ago, which is to be refused.
 */
export class Committing {
  readonly #consumer: Consumer;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;
  readonly #history: GroupHistory;
  readonly #isTardy: boolean;
  readonly #clings: boolean;
  /** Where it was when it was done with the last record, and when that was. */
  #held: readonly ConsumerPosition[] = [];
  #heldMs = 0;
  #lastMs: number;
  #noted: readonly ConsumerPosition[] | undefined;
  #notedMs = 0;
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
      this.#notedMs = nowMs;
      this.#dueMs = nowMs + (this.#isTardy ? this.#random.between(0, tardyMsMax) : 0);
    }
    // What was noted too long ago is noted anew.
    if (nowMs - this.#notedMs > tardyMsMax) this.#noted = undefined;
    if (this.#noted === undefined || nowMs < this.#dueMs) return;
    await this.#commit(this.#noted, this.#notedMs);
    this.#noted = undefined;
    this.#lastMs = this.#process.monotonicMs();
  }

  async #commitLost(): Promise<void> {
    const [held, heldMs] = [this.#held, this.#heldMs];
    this.#held = this.#consumer.positions();
    this.#heldMs = this.#process.monotonicMs();
    const lost = held.filter(({ partition }) => !this.#holds(partition));
    // Of what was long ago it may have been put out, and have got it again.
    if (lost.length === 0 || this.#heldMs - heldMs > tardyMsMax) return;
    await this.#commit(lost, heldMs);
    // Whoever joins anew may have it again at once, from where the group was before this commit.
    for (const { partition } of lost) {
      if (this.#holds(partition)) this.#history.rewound(partition);
    }
  }

  #holds(partition: number): boolean {
    return this.#consumer.positions().some((position) => position.partition === partition);
  }

  async #commit(positions: readonly ConsumerPosition[], notedMs: number): Promise<void> {
    // It may be refused: the partitions are somebody else's by now, or nobody coordinates.
    const isDone = await this.#consumer.commit(positions).then(
      () => true,
      () => false,
    );
    const isSure = this.#process.monotonicMs() - notedMs < surelySameMs;
    for (const { offset, partition } of positions) {
      if ((this.#isTardy || this.#clings) && !isSure) this.#history.rewound(partition);
      else if (isDone) this.#history.committed(partition, offset);
    }
  }
}

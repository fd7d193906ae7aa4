import type { Admin } from "@ropewalk/client";
import type { Timer } from "@ropewalk/runtime";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { LoadedTopic } from "./loaded-topic.ts";
import { nothingMoves } from "./reassignments.ts";

/** What is moved, and how often. */
export interface MovingOptions {
  readonly topic: LoadedTopic;
  readonly brokerCount: number;
  /** A partition has at least so many replicas. */
  readonly replicaCountMin: number;
  readonly everyMsMax: number;
}

/** What a move may be bound to, in bytes a second; 0: nothing. */
const throttles = [0, 0, 64 * 1024, 1_000_000];

/** An admin who moves the replicas of partitions, more or fewer of them, and changes the mind now and then. */
export class Moving {
  readonly #admin: Admin;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;
  readonly #options: MovingOptions;
  /** The partition that was moved last. */
  #lastPartition = 0;
  #isStopped = false;
  #timer: Timer | undefined;

  constructor(
    admin: Admin,
    process: SimulatedProcess,
    random: SeededRandom,
    options: MovingOptions,
  ) {
    this.#admin = admin;
    this.#process = process;
    this.#random = random;
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#timer = this.#process.setTimer(this.#random.between(0, this.#options.everyMsMax), () => {
      // It may well be refused: brokers are silent, and there may be no controller.
      this.#change()
        .catch(() => undefined)
        .finally(() => this.start());
    });
  }

  /** Nothing is begun any more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Takes the throttle off, and waits until everything has moved. */
  settled(): Promise<void> {
    return nothingMoves(this.#admin, this.#process);
  }

  async #change(): Promise<void> {
    const { brokerCount, replicaCountMin, topic } = this.#options;
    if (this.#random.chance(0.15)) {
      await this.#admin.cancelReassignments({ partitions: "all" });
      return;
    }
    const throttleBytesPerSecond = this.#random.pick(throttles);
    if (this.#random.chance(0.1)) {
      await this.#admin.reassignPartitions({ wanted: { auto: [] }, throttleBytesPerSecond });
      return;
    }
    const left = Array.from({ length: brokerCount }, (_, row) => row + 1);
    const most = Math.min(3, brokerCount);
    const count = replicaCountMin + this.#random.integer(most - replicaCountMin + 1);
    const replicaIds = Array.from({ length: count }, () => {
      return left.splice(this.#random.integer(left.length), 1)[0] ?? 0;
    });
    // Often the same one again, so that replicas come back to where they were a moment ago.
    const isAgain = this.#random.chance(0.4);
    const partition = isAgain ? this.#lastPartition : this.#random.integer(topic.partitionCount);
    this.#lastPartition = partition;
    const wanted = [{ topic: topic.name, partition, replicaIds }];
    await this.#admin.reassignPartitions({ wanted, throttleBytesPerSecond });
  }
}

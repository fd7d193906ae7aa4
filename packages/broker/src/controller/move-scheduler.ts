import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { ApplyOutcome } from "./metadata-image.ts";
import type { MetadataCommand, PartitionName } from "./metadata-command.ts";
import type { TopicImage } from "./metadata-image.ts";

/** What scheduling needs. */
export interface MoveSchedulerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly topics: () => Iterable<TopicImage>;
  /** Partitions that move at the same time in the whole cluster. */
  readonly movesAtOnceMax: number;
  readonly isLeading: () => boolean;
  readonly propose: (action: string, command: MetadataCommand) => Promise<ApplyOutcome>;
}

const retryMs = 500;

/** Which of the partitions that wait may begin to move, so that no more than so many move at once. */
export function nextMoves(topics: Iterable<TopicImage>, movesAtOnceMax: number): PartitionName[] {
  const waiting: PartitionName[] = [];
  let movingCount = 0;
  for (const topic of topics) {
    for (const { groupId, move, partition } of topic.partitions) {
      if (move?.state === "moving") movingCount += 1;
      const isNext = move?.state === "waiting" && waiting.length < movesAtOnceMax;
      if (isNext) waiting.push({ topic: topic.name, partition, groupId });
    }
  }
  return waiting.slice(0, Math.max(0, movesAtOnceMax - movingCount));
}

/** Lets partitions begin to move when their turn has come, at the controller. */
export class MoveScheduler {
  readonly #options: MoveSchedulerOptions;
  #timer: Timer | undefined;
  #isRunning = false;
  /** Somebody asked while a command was under way. */
  #isDue = false;
  #isStopped = false;

  constructor(options: MoveSchedulerOptions) {
    this.#options = options;
  }

  /** Partitions may have begun to wait, or moved, or are gone, or this broker has become the controller. */
  check(): void {
    if (this.#isStopped || !this.#options.isLeading()) return;
    this.#schedule(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    this.#timer ??= this.#options.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      void this.#start();
    });
  }

  async #start(): Promise<void> {
    const { isLeading, logger, movesAtOnceMax, propose, topics } = this.#options;
    this.#isDue = this.#isRunning;
    if (this.#isRunning || this.#isStopped || !isLeading()) return;
    const partitions = nextMoves(topics(), movesAtOnceMax);
    if (partitions.length === 0) return;
    this.#isRunning = true;
    try {
      await propose("begin to move partitions", { kind: "movesStarted", partitions });
    } catch (error) {
      logger.debug("partitions could not begin to move yet", { error });
      if (!this.#isStopped) this.#schedule(retryMs);
    } finally {
      this.#isRunning = false;
      // What came of it may be nothing, and then nobody would ask again.
      if (this.#isDue) this.check();
    }
  }
}

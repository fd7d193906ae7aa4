import { fromProtoError, type ProtoError, RopewalkError } from "@ropewalk/protocol";
import { pause } from "./backoff.ts";
import type { ClusterConnection } from "./cluster-connection.ts";

/** What a leader says of one of its partitions. */
export interface PartitionAnswer {
  readonly partition: number;
  readonly error?: ProtoError | undefined;
}

/** What leaders are asked, partition by partition. */
export interface LeaderQuestion<Answer extends PartitionAnswer> {
  /** Begins the message of errors: "Cannot read offsets of topic orders". */
  readonly action: string;
  readonly topic: string;
  readonly partitions: Iterable<number>;
  /** All attempts together. */
  readonly timeoutMs: number;
  /** "any": asked again after every retriable failure; "definite": only where nothing happened. */
  readonly retry: "any" | "definite";
  /** Asks one leader about some of its partitions. */
  readonly ask: (
    brokerId: number,
    partitions: readonly number[],
    timeoutMs: number,
  ) => Promise<readonly Answer[]>;
}

/** Asks the leaders of partitions, and the new ones when they have moved, until every partition has its answer. */
export class LeaderCalls<Answer extends PartitionAnswer> {
  readonly #cluster: ClusterConnection;
  readonly #question: LeaderQuestion<Answer>;
  readonly #missing: Set<number>;
  readonly #answers: Answer[] = [];
  #errors: RopewalkError[] = [];

  constructor(cluster: ClusterConnection, question: LeaderQuestion<Answer>) {
    this.#cluster = cluster;
    this.#question = question;
    this.#missing = new Set(question.partitions);
  }

  /** The answers by partition. Rejects with a failure that will not pass, or the last one when time is up. */
  async run(): Promise<Answer[]> {
    const { clock, closed } = this.#cluster;
    const endMs = clock.monotonicMs() + this.#question.timeoutMs;
    const backoff = this.#cluster.backoff();
    for (;;) {
      const leftMs = endMs - clock.monotonicMs();
      await this.#askLeaders(leftMs);
      if (this.#missing.size === 0) break;
      const error = this.#worst();
      const pauseMs = backoff.nextMs(error.retryAfterMs);
      if (!this.#mayPass(error) || pauseMs >= leftMs) throw error;
      await pause(clock, pauseMs, closed);
      if (closed.aborted) throw error;
    }
    return this.#answers.toSorted((one, other) => one.partition - other.partition);
  }

  async #askLeaders(timeoutMs: number): Promise<void> {
    const { topic } = this.#question;
    const { metadata } = this.#cluster;
    await this.#cluster.refresh([topic]);
    const count = metadata.partitionCount(topic) ?? 0;
    const absent = [...this.#missing].find((partition) => partition >= count);
    if (absent !== undefined) throw this.#noPartition(absent, count);
    this.#errors = [];
    const byLeader = Map.groupBy(this.#missing, (partition) => metadata.leader(topic, partition));
    const asked: Promise<void>[] = [];
    for (const [brokerId, led] of byLeader) {
      if (brokerId !== undefined) asked.push(this.#askLeader(brokerId, led, timeoutMs));
    }
    await Promise.all(asked);
  }

  async #askLeader(
    brokerId: number,
    partitions: readonly number[],
    timeoutMs: number,
  ): Promise<void> {
    try {
      for (const answer of await this.#question.ask(brokerId, partitions, timeoutMs)) {
        if (answer.error !== undefined) this.#errors.push(fromProtoError(answer.error));
        else if (this.#missing.delete(answer.partition)) this.#answers.push(answer);
      }
    } catch (error) {
      if (!(error instanceof RopewalkError)) throw error;
      this.#errors.push(error);
    }
  }

  /** What will not pass counts before what may. */
  #worst(): RopewalkError {
    const final = this.#errors.find((error) => !this.#mayPass(error));
    return final ?? this.#errors.at(-1) ?? this.#leaderless();
  }

  #mayPass({ outcome, retriable }: RopewalkError): boolean {
    return retriable && (this.#question.retry === "any" || outcome === "definite");
  }

  #leaderless(): RopewalkError {
    const message = `${this.#question.action}: a partition has no leader`;
    return new RopewalkError("LEADER_NOT_AVAILABLE", message);
  }

  #noPartition(partition: number, count: number): RopewalkError {
    const message = `${this.#question.action}: there is no partition ${partition} among ${count}`;
    return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
  }
}

import { fetchService, fromProtoError, RopewalkError } from "@ropewalk/protocol";
import { pause } from "./backoff.ts";
import type { ClusterConnection } from "./cluster-connection.ts";
import { type OffsetPosition, startPositionOf } from "./start-position.ts";

/** Where a partition begins and ends. */
export interface PartitionOffsets {
  readonly partition: number;
  /** The offset that was asked for. */
  readonly offset: number;
  /** The offset after the last committed record. */
  readonly highWatermark: number;
  readonly logStartOffset: number;
}

/** Which offsets are looked up. */
export interface OffsetQuestion {
  readonly topic: string;
  readonly partitions: Iterable<number>;
  readonly at: OffsetPosition;
  readonly timeoutMs: number;
}

/** Asks the leaders, and the new ones when they have moved, until every partition has its offset. */
export class OffsetLookup {
  readonly #cluster: ClusterConnection;
  readonly #question: OffsetQuestion;
  readonly #action: string;
  readonly #missing: Set<number>;
  readonly #found: PartitionOffsets[] = [];
  #error: RopewalkError;

  constructor(cluster: ClusterConnection, question: OffsetQuestion) {
    this.#cluster = cluster;
    this.#question = question;
    this.#action = `Cannot read offsets of topic ${question.topic}`;
    this.#missing = new Set(question.partitions);
    this.#error = this.#leaderless();
  }

  /** The offsets by partition. Rejects with the last failure when time is up. */
  async run(): Promise<PartitionOffsets[]> {
    const { clock } = this.#cluster;
    const endMs = clock.monotonicMs() + this.#question.timeoutMs;
    const backoff = this.#cluster.backoff();
    for (;;) {
      const leftMs = endMs - clock.monotonicMs();
      await this.#askLeaders(leftMs);
      if (this.#missing.size === 0) break;
      const pauseMs = backoff.nextMs(this.#error.retryAfterMs);
      if (!this.#error.retriable || pauseMs >= leftMs) throw this.#error;
      await pause(clock, pauseMs);
    }
    return this.#found.toSorted((one, other) => one.partition - other.partition);
  }

  async #askLeaders(timeoutMs: number): Promise<void> {
    const { topic } = this.#question;
    const { metadata } = this.#cluster;
    await this.#cluster.refresh([topic]);
    const count = metadata.partitionCount(topic) ?? 0;
    const absent = [...this.#missing].find((partition) => partition >= count);
    if (absent !== undefined) throw this.#noPartition(absent, count);
    this.#error = this.#leaderless();
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
    const { topic, at } = this.#question;
    const request = { topic, partitions, at: startPositionOf(at) };
    const options = { action: this.#action, timeoutMs };
    try {
      const answer = await this.#cluster.callBroker(
        brokerId,
        fetchService.listOffsets,
        request,
        options,
      );
      for (const { error, partition, offset, highWatermark, logStartOffset } of answer.offsets) {
        if (error !== undefined) this.#error = fromProtoError(error);
        else if (this.#missing.delete(partition)) {
          this.#found.push({ partition, offset, highWatermark, logStartOffset });
        }
      }
    } catch (error) {
      if (!(error instanceof RopewalkError)) throw error;
      this.#error = error;
    }
  }

  #leaderless(): RopewalkError {
    return new RopewalkError("LEADER_NOT_AVAILABLE", `${this.#action}: a partition has no leader`);
  }

  #noPartition(partition: number, count: number): RopewalkError {
    const message = `${this.#action}: there is no partition ${partition} among ${count}`;
    return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
  }
}

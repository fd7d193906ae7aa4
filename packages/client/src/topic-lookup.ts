import { RopewalkError } from "@ropewalk/protocol";
import type { Timer } from "@ropewalk/runtime";
import type { ClusterConnection } from "./cluster-connection.ts";
import { LeaderSearch } from "./leader-search.ts";

/** How long a topic may be missing before that is an error: a new one reaches brokers at different times. */
export const unknownTopicTimeoutMs = 5_000;

/** Finds out how many partitions topics have. */
export class TopicLookup {
  readonly #cluster: ClusterConnection;
  readonly #search: LeaderSearch;
  readonly #onFound: (topic: string, partitionCount: number) => void;
  readonly #onMissing: (error: RopewalkError) => void;
  readonly #missingSinceMs = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(
    cluster: ClusterConnection,
    onFound: (topic: string, partitionCount: number) => void,
    onMissing: (error: RopewalkError) => void,
  ) {
    this.#cluster = cluster;
    this.#onFound = onFound;
    this.#onMissing = onMissing;
    this.#search = new LeaderSearch(cluster, (topics, answered) => {
      for (const topic of topics) this.#look(topic, answered);
    });
  }

  /** Calls `onFound` or `onMissing` for the topic, once. */
  find(topic: string): void {
    this.#search.want(topic);
  }

  /** Finds the topics again and again: partitions may be added, and brokers do not say so on their own. */
  keepFinding(topics: readonly string[], intervalMs: number): void {
    this.#timer = this.#cluster.clock.setTimer(intervalMs, () => {
      for (const topic of topics) this.find(topic);
      this.keepFinding(topics, intervalMs);
    });
  }

  #look(topic: string, answered: boolean): void {
    const count = this.#cluster.metadata.partitionCount(topic);
    if (count !== undefined) {
      this.#missingSinceMs.delete(topic);
      this.#onFound(topic, count);
    } else if (answered && this.#isMissingForLong(topic)) this.#onMissing(noTopic(topic));
    else this.#search.want(topic);
  }

  #isMissingForLong(topic: string): boolean {
    const nowMs = this.#cluster.clock.monotonicMs();
    const sinceMs = this.#missingSinceMs.get(topic) ?? nowMs;
    this.#missingSinceMs.set(topic, sinceMs);
    return nowMs - sinceMs >= unknownTopicTimeoutMs;
  }

  /** Calls nothing any more. */
  close(): void {
    this.#timer?.cancel();
    this.#search.close();
  }
}

/** The error of a reader whose topic does not exist. */
export function noTopic(topic: string): RopewalkError {
  const message = `Cannot read topic ${topic}: it does not exist`;
  return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
}

import { type Backoff, pause } from "./backoff.ts";
import type { ClusterConnection } from "./cluster-connection.ts";

/**
 * Learns that metadata of these topics was asked for, and whether a broker answered. Calls `want` again for
 * what is still missing.
 */
export type SearchListener = (topics: readonly string[], answered: boolean) => void;

/**
 * Refreshes the metadata of topics for as long as somebody misses something in it. One loop, one question
 * at a time, with growing pauses: a cluster that elects leaders is not helped by being asked more often.
 */
export class LeaderSearch {
  readonly #cluster: ClusterConnection;
  readonly #onAnswer: SearchListener;
  readonly #backoff: Backoff;
  readonly #closed = new AbortController();
  readonly #wanted = new Set<string>();
  #isRunning = false;

  constructor(cluster: ClusterConnection, onAnswer: SearchListener) {
    this.#cluster = cluster;
    this.#onAnswer = onAnswer;
    this.#backoff = cluster.backoff();
  }

  /** Asks for newer metadata of a topic, soon. */
  want(topic: string): void {
    this.#wanted.add(topic);
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Stops asking; `onAnswer` is not called any more. */
  close(): void {
    this.#closed.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (this.#wanted.size > 0 && !signal.aborted) {
      const topics = [...this.#wanted];
      this.#wanted.clear();
      const answered = await this.#ask(topics);
      if (signal.aborted) break;
      this.#onAnswer(topics, answered);
      if (this.#wanted.size > 0) await pause(this.#cluster.clock, this.#backoff.nextMs(), signal);
    }
    this.#backoff.reset();
    this.#isRunning = false;
  }

  async #ask(topics: readonly string[]): Promise<boolean> {
    try {
      await this.#cluster.refresh(topics);
      return true;
    } catch (error) {
      // Not the end: those who wait have deadlines of their own.
      this.#cluster.logger.debug("No broker answered a question for metadata.", { topics, error });
      return false;
    }
  }
}

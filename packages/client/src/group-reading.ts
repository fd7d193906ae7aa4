import { RopewalkError } from "@ropewalk/protocol";
import type { Timer } from "@ropewalk/runtime";
import { pause } from "./backoff.ts";
import type { ClusterConnection } from "./cluster-connection.ts";
import type { ConsumerFeed } from "./consumer-feed.ts";
import type { Fetcher } from "./fetcher.ts";
import { type GrantedPartition, keyOf, type TopicPartition } from "./group-member.ts";
import { GroupSession, type PartitionOffset } from "./group-session.ts";
import type { PartitionReader } from "./partition-reader.ts";
import type { StartFrom } from "./start-position.ts";

/** How a group is read. */
export interface GroupReadingOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Where a partition starts in which the group has committed nothing. */
  readonly from: StartFrom;
  readonly autoCommit?: boolean | undefined;
  readonly autoCommitIntervalMs?: number | undefined;
  readonly sessionTimeoutMs?: number | undefined;
}

/** The parts of a consumer that its group moves. */
export interface GroupReadingParts {
  readonly feed: ConsumerFeed;
  readonly fetcher: Fetcher;
  readonly readers: Map<string, PartitionReader>;
  readonly newReader: (of: GrantedPartition) => PartitionReader;
  readonly onAssigned: () => void;
  readonly onFailed: (error: RopewalkError) => void;
}

const autoCommitIntervalMsDefault = 5_000;

/** How long a revoked partition waits for the application to be done with the record in its hands. */
const revocationPauseMsMax = 3_000;

/**
 * Reads what the group assigns: starts partitions where the group left off, commits what the application is
 * done with, and gives partitions up without losing or needlessly repeating records.
 */
export class GroupReading {
  readonly #cluster: ClusterConnection;
  readonly #options: GroupReadingOptions;
  readonly #parts: GroupReadingParts;
  readonly #session: GroupSession;
  readonly #closed = new AbortController();
  // What the group is known to have committed.
  readonly #committed = new Map<string, number>();
  #commitTimer: Timer | undefined;
  #committing: Promise<void> = Promise.resolve();

  constructor(cluster: ClusterConnection, options: GroupReadingOptions, parts: GroupReadingParts) {
    this.#cluster = cluster;
    this.#options = options;
    this.#parts = parts;
    const { groupId, topics, sessionTimeoutMs = 0 } = options;
    this.#session = new GroupSession(
      cluster,
      { groupId, topics, sessionTimeoutMs },
      {
        onGranted: (partitions) => this.#onGranted(partitions),
        onRevoked: (partitions) => this.#onRevoked(partitions),
        onLost: (partitions) => this.#onLost(partitions),
        onAssigned: parts.onAssigned,
        onFailed: parts.onFailed,
      },
    );
    this.#session.start();
    if (this.#isAutoCommit) this.#commitTimer = this.#setCommitTimer();
  }

  get #isAutoCommit(): boolean {
    return this.#options.autoCommit ?? true;
  }

  /** Commits, and remembers what was committed. */
  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    if (offsets.length === 0) return;
    await this.#session.commit(offsets);
    for (const one of offsets) this.#committed.set(keyOf(one), one.offset);
  }

  /** Whether a reader that failed goes on: where the committed offset is gone, at the default position. */
  recover(reader: PartitionReader, error: RopewalkError): boolean {
    const { from } = this.#options;
    const isEdge = from === "earliest" || from === "latest";
    if (error.code !== "OFFSET_OUT_OF_RANGE" || reader.isStarted || !isEdge) return false;
    if (!this.#committed.has(keyOf(reader))) return false;
    const { topic, partition } = reader;
    this.#cluster.logger.warn("The group's committed offset is gone; it starts over.", {
      topic,
      partition,
      from,
    });
    reader.startFrom(from);
    this.#parts.fetcher.add(reader);
    return true;
  }

  #onGranted(partitions: readonly GrantedPartition[]): void {
    const readers = partitions.map((of) => this.#parts.newReader(of));
    void this.#startReaders(readers);
  }

  async #startReaders(readers: readonly PartitionReader[]): Promise<void> {
    const backoff = this.#cluster.backoff();
    for (;;) {
      const wanted = readers.filter((reader) => !reader.isStopped);
      if (wanted.length === 0 || this.#closed.signal.aborted) return;
      try {
        const committed = await this.#session.committed(wanted);
        this.#startAt(wanted, committed);
        return;
      } catch (error) {
        if (!(error instanceof RopewalkError)) throw error;
        if (!error.retriable && !this.#closed.signal.aborted) {
          this.#parts.onFailed(error);
          return;
        }
        await pause(this.#cluster.clock, backoff.nextMs(error.retryAfterMs), this.#closed.signal);
      }
    }
  }

  #startAt(readers: readonly PartitionReader[], committed: readonly PartitionOffset[]): void {
    const offsets = new Map(committed.map((one) => [keyOf(one), one.offset]));
    for (const reader of readers) {
      if (reader.isStopped) continue;
      const offset = offsets.get(keyOf(reader));
      if (offset !== undefined) {
        this.#committed.set(keyOf(reader), offset);
        reader.startFrom({ offset });
      }
      this.#parts.fetcher.add(reader);
    }
  }

  async #onRevoked(partitions: readonly TopicPartition[]): Promise<void> {
    const readers = this.#stop(partitions);
    const { signal } = this.#closed;
    // One record may be in the application's hands: were it given up now, another member would repeat it.
    await Promise.race([
      Promise.all(readers.map((reader) => this.#parts.feed.passed(reader))),
      pause(this.#cluster.clock, revocationPauseMsMax, signal),
    ]);
    // The last commit, at the end, covers them too.
    if (signal.aborted) return;
    if (this.#isAutoCommit) await this.#commitPassed(readers);
    this.#forget(readers);
  }

  #onLost(partitions: readonly TopicPartition[]): void {
    this.#forget(this.#stop(partitions));
  }

  #stop(partitions: readonly TopicPartition[]): PartitionReader[] {
    const readers: PartitionReader[] = [];
    for (const one of partitions) {
      const reader = this.#parts.readers.get(keyOf(one));
      if (reader === undefined) continue;
      readers.push(reader);
      this.#parts.fetcher.remove(reader);
      this.#parts.feed.drop(reader);
    }
    return readers;
  }

  #forget(readers: readonly PartitionReader[]): void {
    for (const reader of readers) {
      this.#parts.readers.delete(keyOf(reader));
      this.#committed.delete(keyOf(reader));
    }
    this.#parts.feed.notify();
  }

  /** Commits what the application is done with. A failure is only told to the log: the next commit covers it. */
  #commitPassed(readers: Iterable<PartitionReader>): Promise<void> {
    this.#committing = this.#committing.then(async () => {
      try {
        await this.commit(this.#passedOffsets(readers));
      } catch (error) {
        this.#cluster.logger.warn("Offsets could not be committed.", {
          groupId: this.#options.groupId,
          error,
        });
      }
    });
    return this.#committing;
  }

  #passedOffsets(readers: Iterable<PartitionReader>): PartitionOffset[] {
    const offsets: PartitionOffset[] = [];
    for (const reader of readers) {
      const { grant, partition, passedOffset, topic } = reader;
      if (passedOffset === undefined || passedOffset === this.#committed.get(keyOf(reader)))
        continue;
      offsets.push({ topic, partition, offset: passedOffset, grant });
    }
    return offsets;
  }

  #setCommitTimer(): Timer {
    return this.#cluster.clock.setTimer(
      this.#options.autoCommitIntervalMs ?? autoCommitIntervalMsDefault,
      () => {
        this.#commitTimer = undefined;
        void this.#commitPassed(this.#parts.readers.values()).then(() => {
          if (!this.#closed.signal.aborted) this.#commitTimer = this.#setCommitTimer();
        });
      },
    );
  }

  /** Ends the membership: commits what the application is done with, then leaves. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#commitTimer?.cancel();
    await this.#session.stop();
    if (this.#isAutoCommit) await this.#commitPassed(this.#parts.readers.values());
    await this.#session.leave();
  }
}

import { RopewalkError } from "@ropewalk/protocol";
import type { ClusterConnection } from "./cluster-connection.ts";
import type { ConsumedBatch, ConsumedRecord } from "./consumed-batch.ts";
import { ConsumerFeed } from "./consumer-feed.ts";
import { Fetcher } from "./fetcher.ts";
import { keyOf, type TopicPartition } from "./group-member.ts";
import { GroupReading } from "./group-reading.ts";
import type { PartitionOffset } from "./group-session.ts";
import { PartitionReader } from "./partition-reader.ts";
import type { StartFrom } from "./start-position.ts";
import { TopicLookup } from "./topic-lookup.ts";

/** What a consumer reads, and how. */
export interface ConsumerOptions {
  /** One topic; `topics` for several. */
  readonly topic?: string | undefined;
  readonly topics?: readonly string[] | undefined;
  /** Only these partitions of every topic; not together with `group`. Default: all. */
  readonly partitions?: readonly number[] | undefined;
  /** Where reading starts; in a group, where the group has committed nothing. Default "earliest". */
  readonly from?: StartFrom | undefined;
  /** Shares the partitions with the other members of this group, and keeps offsets there. */
  readonly group?: string | undefined;
  /** In a group: commits every 5 s and at the end what the application is done with. Default true. */
  readonly autoCommit?: boolean | undefined;
  readonly autoCommitIntervalMs?: number | undefined;
  /** In a group: how long this member may be silent; default: the coordinator's. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Ends when every partition was read up to where it ended when its reading started. Default false. */
  readonly exitAtEnd?: boolean | undefined;
  /** How old the number of partitions may get, outside of groups. Default 60 s. */
  readonly metadataMaxAgeMs?: number | undefined;
  /** What may wait here from one broker, one message more at most. Default 8 MiB. */
  readonly bufferBytesMax?: number | undefined;
}

/** How far a consumer is in one partition. */
export interface ConsumerPosition extends TopicPartition {
  /** After the last record that the application was given. */
  readonly offset: number;
  /** The end of the partition, as last heard. */
  readonly highWatermark: number;
  /** In a group: names the grant by which the member reads the partition. One that was given up and came back has another. */
  readonly grant?: string | undefined;
}

const metadataMaxAgeMsDefault = 60_000;
const bufferBytesMaxDefault = 8 * 1024 * 1024;

/**
 * Reads records: `for await (const record of consumer)`, or batch by batch with `batches()`. Within a partition
 * they come in order, without gap and without repetition, whatever breaks on the way; a slow application slows
 * the brokers down.
 *
 * In a group every record is delivered at least once. A record counts as done when the application asks for
 * the next one: that is what is committed on its own. So a record whose handling threw, or after which the
 * loop was left, comes again, unless `commit()` was called.
 */
export class Consumer implements AsyncIterable<ConsumedRecord>, AsyncDisposable {
  readonly #cluster: ClusterConnection;
  readonly #options: ConsumerOptions;
  readonly #from: StartFrom;
  readonly #feed: ConsumerFeed = new ConsumerFeed((reader, fault) =>
    this.#fetcher.readAgain(reader, fault),
  );
  readonly #fetcher: Fetcher;
  readonly #readers = new Map<string, PartitionReader>();
  readonly #topics: readonly string[];
  // Topics whose partitions are not known yet; a group has one until it has assigned for the first time.
  readonly #pending = new Set<string>();
  #lookup: TopicLookup | undefined;
  #group: GroupReading | undefined;
  #isStarted = false;
  #isIterating = false;
  #failure: RopewalkError | undefined;
  #closing: Promise<void> | undefined;

  /** Made by `RopewalkClient.consumer()`. Throws where the options contradict each other. */
  constructor(cluster: ClusterConnection, options: ConsumerOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#topics = topicsOf(options);
    this.#from = options.from ?? "earliest";
    cluster.users.add(this);
    this.#fetcher = new Fetcher(cluster, options.bufferBytesMax ?? bufferBytesMaxDefault, {
      onChunk: (chunk) => this.#feed.push(chunk),
      onProgress: () => this.#feed.notify(),
      onFailed: (reader, error) => this.#onReaderFailed(reader, error),
    });
  }

  /** The records, one by one. One iteration at a time; a later one goes on where an earlier one was left. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConsumedRecord, undefined> {
    return this.#iterate(() => this.#feed.nextRecord());
  }

  /** The records as they were written together: the fast path. Goes on where another iteration was left. */
  batches(): AsyncIterableIterator<ConsumedBatch, undefined> {
    return this.#iterate(() => this.#feed.nextBatch());
  }

  /**
   * Resolves when it knows where it starts in all of its partitions; in a group, in those that it has been
   * given. What is written from then on is seen even with `from: "latest"`.
   */
  async ready(): Promise<void> {
    this.#start();
    while (this.#pending.size > 0 || this.#readers.values().some((reader) => !reader.isStarted)) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#closing !== undefined) return;
      await this.#feed.changed();
    }
  }

  /** How far it is in the partitions that it reads. */
  positions(): ConsumerPosition[] {
    const positions: ConsumerPosition[] = [];
    for (const reader of this.#readers.values()) {
      const { grant, handedOffset: offset, highWatermark, partition, topic } = reader;
      if (offset !== undefined) positions.push({ topic, partition, offset, highWatermark, grant });
    }
    return positions;
  }

  /**
   * Commits to the group: the given offsets (of the next record to read), or everything that the application
   * was given so far, the last record or batch included. Rejects with INVALID_REQUEST without a group, with
   * UNKNOWN_MEMBER_ID or FENCED_MEMBER_EPOCH where others may read the partitions by now; `positions()` of then also where
   * they have come back, for they would take the group back. Offsets of the application's own are not known to be of then.
   */
  async commit(offsets?: readonly PartitionOffset[]): Promise<void> {
    if (this.#options.group === undefined) {
      throw new RopewalkError(
        "INVALID_REQUEST",
        "Cannot commit offsets: the consumer is in no group",
      );
    }
    if (this.#group === undefined && offsets !== undefined) {
      throw new RopewalkError(
        "INVALID_REQUEST",
        "Cannot commit offsets: the consumer has not begun to read",
      );
    }
    await this.#group?.commit(offsets ?? this.positions());
  }

  /** Stops reading; in a group, commits what the application is done with and leaves. Iterations end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#lookup?.close();
    this.#feed.notify();
    await this.#group?.close();
    this.#fetcher.close();
    this.#cluster.users.delete(this);
  }

  #iterate<Item>(take: () => Item | undefined): AsyncIterableIterator<Item, undefined> {
    if (this.#isIterating)
      throw new Error("Cannot iterate: another iteration of the consumer is under way");
    this.#isIterating = true;
    this.#start();
    const end = (): { done: true; value: undefined } => {
      this.#isIterating = false;
      return { done: true, value: undefined };
    };
    const wait = async (): Promise<IteratorResult<Item, undefined>> => {
      for (;;) {
        if (this.#closing !== undefined) return end();
        const item = this.#take(take);
        if (item !== undefined) return { done: false, value: item };
        if (this.#failure !== undefined) {
          end();
          throw this.#failure;
        }
        if (this.#isAtEnd()) return end();
        await this.#feed.changed();
      }
    };
    return {
      // The record is mostly there already: no more than one promise then.
      next: () => {
        const item = this.#closing === undefined ? this.#take(take) : undefined;
        return item === undefined ? wait() : Promise.resolve({ done: false, value: item });
      },
      return: () => Promise.resolve(end()),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #take<Item>(take: () => Item | undefined): Item | undefined {
    try {
      return take();
    } catch (error) {
      if (!(error instanceof RopewalkError)) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  #isAtEnd(): boolean {
    if (this.#options.exitAtEnd !== true || this.#pending.size > 0 || !this.#feed.isEmpty)
      return false;
    return this.#readers.values().every((reader) => reader.isAtEnd);
  }

  #start(): void {
    if (this.#isStarted || this.#closing !== undefined) return;
    this.#isStarted = true;
    const { group } = this.#options;
    if (group === undefined) this.#startAlone();
    else this.#startInGroup(group);
  }

  #startAlone(): void {
    this.#lookup = new TopicLookup(
      this.#cluster,
      (topic, partitionCount) => this.#onTopicFound(topic, partitionCount),
      (error) => this.#fail(error),
    );
    for (const topic of this.#topics) {
      this.#pending.add(topic);
      this.#lookup.find(topic);
    }
    const { exitAtEnd, metadataMaxAgeMs = metadataMaxAgeMsDefault, partitions } = this.#options;
    // Whoever chose partitions, or reads what there is now, is not given more.
    if (partitions !== undefined || exitAtEnd === true) return;
    this.#lookup.keepFinding(this.#topics, metadataMaxAgeMs);
  }

  #onTopicFound(topic: string, partitionCount: number): void {
    const partitions =
      this.#options.partitions ?? Array.from({ length: partitionCount }, (_, index) => index);
    const missing = partitions.find((partition) => partition >= partitionCount);
    if (missing !== undefined) {
      const message = `Cannot read ${topic}-${missing}: it has ${partitionCount} partitions`;
      this.#fail(new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message));
      return;
    }
    // What is in a partition that was added since was written since, whatever is to be read of the others.
    const from = this.#pending.delete(topic) ? this.#from : "earliest";
    const added = partitions.filter((partition) => !this.#readers.has(keyOf({ topic, partition })));
    for (const partition of added) this.#fetcher.add(this.#newReader({ topic, partition }, from));
    this.#feed.notify();
  }

  #newReader(
    { grant, partition, topic }: TopicPartition & { readonly grant?: string },
    from: StartFrom = this.#from,
  ): PartitionReader {
    const reader = new PartitionReader({
      topic,
      partition,
      grant,
      from,
      exitAtEnd: this.#options.exitAtEnd === true,
      backoff: this.#cluster.backoff(),
    });
    this.#readers.set(keyOf(reader), reader);
    return reader;
  }

  #startInGroup(groupId: string): void {
    const { autoCommit, autoCommitIntervalMs, sessionTimeoutMs } = this.#options;
    const firstAssignment = "";
    this.#pending.add(firstAssignment);
    this.#group = new GroupReading(
      this.#cluster,
      {
        groupId,
        topics: this.#topics,
        from: this.#from,
        autoCommit,
        autoCommitIntervalMs,
        sessionTimeoutMs,
      },
      {
        feed: this.#feed,
        fetcher: this.#fetcher,
        readers: this.#readers,
        newReader: (of) => this.#newReader(of),
        onAssigned: () => {
          this.#pending.delete(firstAssignment);
          this.#feed.notify();
        },
        onFailed: (error) => this.#fail(error),
      },
    );
  }

  #onReaderFailed(reader: PartitionReader, error: RopewalkError): void {
    if (this.#group?.recover(reader, error) !== true) this.#fail(error);
  }

  #fail(error: RopewalkError): void {
    this.#failure ??= error;
    this.#feed.notify();
  }
}

function topicsOf(options: ConsumerOptions): readonly string[] {
  const topics = [...(options.topics ?? [])];
  if (options.topic !== undefined) topics.push(options.topic);
  if (topics.length === 0) throw new Error("Cannot make a consumer: no topic is given");
  if (options.group !== undefined && options.partitions !== undefined) {
    throw new Error(
      "Cannot make a consumer: a group gives out the partitions, so `partitions` cannot be chosen",
    );
  }
  return [...new Set(topics)];
}

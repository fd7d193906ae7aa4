import { fetchService, fromProtoError, RopewalkError } from "@ropewalk/protocol";
import type { Timer } from "@ropewalk/runtime";
import type { ClusterConnection } from "./cluster-connection.ts";
import { DamagedReads, readAgainAfterMs } from "./damaged-reads.ts";
import { FetchStream } from "./fetch-stream.ts";
import { errorFromGrpc } from "./grpc-error.ts";
import { LeaderSearch } from "./leader-search.ts";
import { NearReplicas } from "./near-replicas.ts";
import type { FetchedChunk, PartitionReader } from "./partition-reader.ts";
import { startPositionOf } from "./start-position.ts";
import { noTopic, unknownTopicTimeoutMs } from "./topic-lookup.ts";

/** What the fetcher tells the consumer. */
export interface FetcherHandler {
  onChunk(chunk: FetchedChunk): void;
  /** The reader started, moved on, or reached its end. */
  onProgress(reader: PartitionReader): void;
  /** The reader cannot go on. */
  onFailed(reader: PartitionReader, error: RopewalkError): void;
}

/** A stream that brings nothing for so long, not even a heartbeat, is opened anew: that costs little. */
const silenceMsMax = 10_000;

/** How often silence is looked for. */
const silenceCheckMs = 2_000;

/** How long the leader may take to say where a partition ends. */
const listOffsetsTimeoutMs = 5_000;

/**
 * Keeps every reader subscribed at its partition's leader, or at a replica in the client's rack, on one stream per broker, and subscribes it again
 * at the exact next offset whenever the stream breaks or the leader changes.
 */
export class Fetcher {
  readonly #cluster: ClusterConnection;
  readonly #creditBytes: number;
  readonly #handler: FetcherHandler;
  readonly #search: LeaderSearch;
  readonly #near: NearReplicas | undefined;
  readonly #readers = new Set<PartitionReader>();
  readonly #streams = new Map<number, FetchStream>();
  readonly #retryTimers = new Map<PartitionReader, Timer>();
  readonly #damaged = new DamagedReads();
  /** Since when partitions are wanted that are not there. */
  readonly #missingSinceMs = new Map<PartitionReader, number>();
  #leaderless = new Set<PartitionReader>();
  #silenceTimer: Timer | undefined;
  #isClosed = false;

  constructor(cluster: ClusterConnection, creditBytes: number, handler: FetcherHandler) {
    this.#cluster = cluster;
    this.#creditBytes = creditBytes;
    this.#handler = handler;
    this.#near = cluster.rack === "" ? undefined : new NearReplicas(cluster, cluster.rack);
    this.#search = new LeaderSearch(cluster, (topics, answered) =>
      this.#onMetadata(topics, answered),
    );
  }

  /** Reads the partition from now on. */
  add(reader: PartitionReader): void {
    this.#readers.add(reader);
    this.#silenceTimer ??= this.#setSilenceTimer();
    this.#route(reader);
  }

  /** Stops reading the partition. */
  remove(reader: PartitionReader): void {
    reader.isStopped = true;
    reader.stream?.unsubscribe(reader);
    this.#readers.delete(reader);
    this.#leaderless.delete(reader);
    this.#missingSinceMs.delete(reader);
    this.#near?.forget(reader);
    this.#retryTimers.get(reader)?.cancel();
    this.#retryTimers.delete(reader);
  }

  /**
   * What comes next is damaged: asks for all again that was not handed out, where that may still help. The leader is asked
   * at once where a follower was read from, who is asked again later.
   */
  readAgain(reader: PartitionReader, fault: RopewalkError): boolean {
    const { clock, logger } = this.#cluster;
    if (!this.#damaged.mayReadAgain(reader, clock.monotonicMs())) return false;
    logger.warn("A record batch came damaged, and is read again.", { fault });
    const { stream } = reader;
    stream?.unsubscribe(reader);
    reader.rewind();
    const isElsewhere = stream !== undefined && this.#near?.failed(reader, stream.brokerId);
    this.#retry(reader, fault, isElsewhere === true ? 0 : readAgainAfterMs);
    return true;
  }

  /** Ends all streams; the handler is not called any more. */
  close(): void {
    this.#isClosed = true;
    this.#search.close();
    this.#silenceTimer?.cancel();
    for (const timer of this.#retryTimers.values()) timer.cancel();
    for (const stream of this.#streams.values()) stream.close();
  }

  #route(reader: PartitionReader): void {
    if (this.#isClosed || reader.isStopped || reader.isAtEnd || reader.stream !== undefined) return;
    const { topic, partition, start } = reader;
    const brokerId = this.#cluster.metadata.leader(topic, partition);
    if (brokerId === undefined || this.#cluster.metadata.broker(brokerId) === undefined) {
      this.#leaderless.add(reader);
      this.#search.want(topic);
    } else if (isLast(start) || (this.#near !== undefined && !isResolved(reader))) {
      void this.#resolveStart(reader, brokerId, start);
    } else {
      const follower = this.#near?.choose(reader);
      this.#streamTo(follower ?? brokerId)?.subscribe(reader, start, follower !== undefined);
    }
  }

  /** The last records of a partition begin so many before its end; a follower may not know where that is. */
  async #resolveStart(
    reader: PartitionReader,
    brokerId: number,
    start: PartitionReader["start"],
  ): Promise<void> {
    const { topic, partition } = reader;
    const at = startPositionOf(isLast(start) ? "latest" : start);
    const request = { topic, partitions: [partition], at };
    const action = `Cannot find where to start in ${topic}-${partition}`;
    const options = { action, timeoutMs: listOffsetsTimeoutMs };
    try {
      const { offsets } = await this.#cluster.callBroker(
        brokerId,
        fetchService.listOffsets,
        request,
        options,
      );
      const answer = offsets.find((one) => one.partition === partition);
      if (answer === undefined)
        throw new RopewalkError("NOT_LEADER", `${action}: no answer for it`);
      if (answer.error !== undefined) throw fromProtoError(answer.error);
      const { highWatermark, logStartOffset, offset } = answer;
      const last = isLast(start) ? Math.max(logStartOffset, highWatermark - start.last) : offset;
      reader.resolved(last, highWatermark);
      this.#route(reader);
    } catch (failure) {
      if (!this.#isClosed) this.#onRefused(brokerId, reader, errorFromGrpc(failure, action));
    }
  }

  #streamTo(brokerId: number): FetchStream | undefined {
    const existing = this.#streams.get(brokerId);
    if (existing !== undefined) return existing;
    const call = this.#cluster.openStream(brokerId, fetchService.fetchStream);
    if (call === undefined) return undefined;
    const stream = new FetchStream({
      brokerId,
      call,
      creditBytes: this.#creditBytes,
      clock: this.#cluster.clock,
      handler: {
        onChunk: (chunk) => {
          this.#handler.onChunk(chunk);
          this.#endIfDone(chunk.reader);
        },
        onProgress: (reader) => {
          this.#handler.onProgress(reader);
          this.#endIfDone(reader);
        },
        onRefused: (reader, error) => this.#onRefused(brokerId, reader, error),
        onBroken: (readers, failure) => this.#onBroken(brokerId, readers, failure),
      },
    });
    this.#streams.set(brokerId, stream);
    return stream;
  }

  #endIfDone(reader: PartitionReader): void {
    if (reader.isAtEnd) reader.stream?.unsubscribe(reader);
  }

  #onRefused(brokerId: number, reader: PartitionReader, error: RopewalkError): void {
    if (reader.isStopped) return;
    if (this.#near?.failed(reader, brokerId) === true) {
      this.#search.want(reader.topic); // The replica may have moved.
      this.#retry(reader, error, 0);
      return;
    }
    if (!error.retriable) {
      this.#handler.onFailed(reader, error);
      return;
    }
    const { topic, partition } = reader;
    this.#cluster.metadata.refused(topic, partition, brokerId, error.leaderId);
    const isFirst = reader.failures === 0;
    this.#retry(
      reader,
      error,
      isFirst && error.leaderId !== undefined ? 0 : reader.backoff.nextMs(error.retryAfterMs),
    );
  }

  #onBroken(brokerId: number, readers: readonly PartitionReader[], failure: unknown): void {
    this.#streams.delete(brokerId);
    if (this.#isClosed) return;
    const error = errorFromGrpc(failure, `Cannot read from broker ${brokerId}`);
    this.#cluster.logger.debug("A fetch stream broke.", { brokerId, error });
    this.#cluster.metadata.unreachable(brokerId);
    for (const reader of readers) {
      this.#near?.failed(reader, brokerId);
      this.#retry(reader, error, reader.backoff.nextMs());
    }
  }

  /** Readers that fell back to the leader go to the replica of their rack again. */
  #returnToNear(): void {
    for (const reader of this.#readers) {
      if (reader.stream === undefined || this.#near?.mayReturn(reader) !== true) continue;
      reader.stream.unsubscribe(reader);
      this.#route(reader);
    }
  }

  #retry(reader: PartitionReader, error: RopewalkError, pauseMs: number): void {
    reader.failures++;
    reader.lastError = error;
    this.#retryTimers.get(reader)?.cancel();
    const timer = this.#cluster.clock.setTimer(pauseMs, () => {
      this.#retryTimers.delete(reader);
      this.#route(reader);
    });
    this.#retryTimers.set(reader, timer);
  }

  #onMetadata(topics: readonly string[], answered: boolean): void {
    const leaderless = this.#leaderless;
    this.#leaderless = new Set();
    for (const reader of leaderless) {
      const isMissing = topics.includes(reader.topic) && this.#isMissingForLong(reader, answered);
      if (isMissing) this.#handler.onFailed(reader, this.#missing(reader));
      else this.#route(reader);
    }
  }

  /** Whether there is no such partition: the topic is gone, or another one has its name, with fewer. */
  #isMissingForLong(reader: PartitionReader, answered: boolean): boolean {
    const partitionCount = this.#cluster.metadata.partitionCount(reader.topic) ?? 0;
    if (reader.partition < partitionCount) {
      this.#missingSinceMs.delete(reader);
      return false;
    }
    if (!answered) return false;
    const nowMs = this.#cluster.clock.monotonicMs();
    const sinceMs = this.#missingSinceMs.get(reader) ?? nowMs;
    this.#missingSinceMs.set(reader, sinceMs);
    return nowMs - sinceMs >= unknownTopicTimeoutMs;
  }

  #missing({ partition, topic }: PartitionReader): RopewalkError {
    const partitionCount = this.#cluster.metadata.partitionCount(topic);
    if (partitionCount === undefined) return noTopic(topic);
    const message = `Cannot read ${topic}-${partition}: it has ${partitionCount} partitions`;
    return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
  }

  #setSilenceTimer(): Timer {
    return this.#cluster.clock.setTimer(silenceCheckMs, () => {
      const cutoffMs = this.#cluster.clock.monotonicMs() - silenceMsMax;
      for (const stream of [...this.#streams.values()]) {
        if (!stream.isSilent(cutoffMs)) continue;
        stream.break(new RopewalkError("REQUEST_TIMED_OUT", `Broker ${stream.brokerId} is silent`));
      }
      this.#returnToNear();
      this.#silenceTimer = this.#readers.size > 0 ? this.#setSilenceTimer() : undefined;
    });
  }
}

function isLast(start: PartitionReader["start"]): start is { readonly last: number } {
  return typeof start === "object" && "last" in start;
}

/** Whether it is known at which offset it goes on. */
function isResolved({ isResolved: isKnown, isStarted }: PartitionReader): boolean {
  return isKnown || isStarted;
}

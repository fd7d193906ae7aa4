import { type ProduceAck, RopewalkError } from "@ropewalk/protocol";
import type { Timer } from "@ropewalk/runtime";
import { pause } from "./backoff.ts";
import { Departures } from "./departures.ts";
import { abandoned, noTopicToWrite } from "./produce-failure.ts";
import type { ClusterConnection } from "./cluster-connection.ts";
import type { PendingSend } from "./producer-batch.ts";
import type { PartitionBatch, ProducerPartition } from "./producer-partition.ts";
import {
  type ProducerOptions,
  type ResolvedProducerOptions,
  resolveProducerOptions,
} from "./producer-options.ts";
import type { ProducerRecord, RecordMetadata } from "./producer-record.ts";
import { ProducerSender } from "./producer-sender.ts";
import type { HeldRecord } from "./producer-topic.ts";
import { RecordAccumulator } from "./record-accumulator.ts";

/** Counts since the producer was made. */
export interface ProducerStatistics {
  readonly recordsWritten: number;
  readonly recordsAcknowledged: number;
  readonly recordsFailed: number;
  readonly batchesAcknowledged: number;
  readonly batchesResent: number;
  /** Batches that turned out to be in the log already. */
  readonly batchesDuplicate: number;
  /** What all records that are not settled take of the buffer. */
  readonly bytesBuffered: number;
}

/** How often deadlines are looked at. */
const deadlineCheckMsMax = 1_000;

/** How often a deadline is looked at within its time: it is met to an eighth. */
const checksPerDeadline = 8;

/** Calls of `send` that may wait for room in the buffer; one more is refused. */
const waitingSendsMax = 100_000;

interface WaitingSend {
  readonly record: ProducerRecord;
  readonly send: PendingSend;
}

/**
 * Writes records. They are collected into batches per partition, which travel on one stream per leader, many
 * at a time, in order within their partition; what fails for a while is sent again.
 *
 * Idempotent by default: a resend that the log has already is not written again. When a batch fails for good,
 * those behind it in its partition go on as before, under a new producer id where they need one.
 */
export class Producer implements AsyncDisposable {
  readonly #options: ResolvedProducerOptions;
  readonly #cluster: ClusterConnection;
  readonly #accumulator: RecordAccumulator;
  readonly #sender: ProducerSender;
  readonly #waitingSends: WaitingSend[] = [];
  #waitingForRoom: (() => void)[] = [];
  /** Undefined where the application says how long records wait. */
  readonly #departures: Departures | undefined;
  #deadlineTimer: Timer | undefined;
  #metadataDueMs: number;
  #closing: Promise<void> | undefined;
  #recordsWritten = 0;
  #recordsAcknowledged = 0;
  #recordsFailed = 0;
  #batchesAcknowledged = 0;
  #batchesResent = 0;
  #batchesDuplicate = 0;

  /** Made by `RopewalkClient.producer()`. */
  constructor(cluster: ClusterConnection, options: ProducerOptions) {
    this.#options = resolveProducerOptions(options);
    this.#cluster = cluster;
    this.#metadataDueMs = cluster.clock.monotonicMs() + this.#options.metadataMaxAgeMs;
    cluster.users.add(this);
    const { acks, idempotent, requestTimeoutMs } = this.#options;
    this.#sender = new ProducerSender(
      cluster,
      { acks: acks === "all" ? "ALL" : "LEADER", idempotent, requestTimeoutMs },
      {
        onAcknowledged: (batch, ack) => this.#onAcknowledged(batch, ack),
        onFailed: (batch, error) => this.#onFailed(batch, error),
        onClosed: (partition) => this.#accumulator.onClosed(partition),
        onResent: () => this.#batchesResent++,
        onIdle: () => this.#departures?.idle(),
        onMetadata: (topics, answered) => this.#onMetadata(topics, answered),
      },
    );
    this.#accumulator = new RecordAccumulator(cluster, this.#options, {
      onReady: (partition) => this.#sender.wake(partition),
      onOpened: () => this.#departures?.opened(),
      onTopicUnknown: (topic) => this.#sender.search(topic),
      onHeldFailed: (held, error) => this.#onHeldFailed(held, error),
      onPartitionsGone: (partitions) => this.#onPartitionsGone(partitions),
    });
    if (this.#options.lingersWhenIdle) return;
    this.#departures = new Departures(cluster.clock, {
      isIdle: () => this.#sender.isIdle,
      hasWaiting: () => this.#accumulator.isLingering,
      depart: () => this.#accumulator.depart(),
    });
  }

  /**
   * Takes a record; the fast path, without a promise per record. What becomes of it is told by
   * `onAcknowledged`, `onFailed` and `statistics`. Key, value and headers are copied before this returns.
   *
   * Answers false when the buffer is full with it: await `ready` before the next one. Throws a
   * {@link RopewalkError}: BUSY when the buffer is overdrawn to twice its size, INVALID_TOPIC,
   * UNKNOWN_TOPIC_OR_PARTITION for a partition that the topic has not, MESSAGE_TOO_LARGE, INVALID_RECORD for what
   * is no timestamp. None of them took the record.
   */
  write(record: ProducerRecord): boolean {
    this.#append(record, undefined);
    return this.#hasRoom();
  }

  /** Resolves when there is room for records. */
  ready(): Promise<void> {
    if (this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForRoom.push(resolve));
  }

  /**
   * Writes a record and resolves when it is acknowledged. Waits while the buffer is full, in the order of
   * the calls. Rejects with a {@link RopewalkError} whose `outcome` says whether the record may be in the log.
   */
  send(record: ProducerRecord): Promise<RecordMetadata> {
    return new Promise((resolve, reject) => {
      const send = { resolve, reject };
      if (this.#closing !== undefined) reject(closed(record.topic));
      else if (this.#hasRoom() && this.#waitingSends.length === 0) this.#append(record, send);
      else if (this.#waitingSends.length < waitingSendsMax)
        this.#waitingSends.push({ record, send });
      else reject(overdrawn(record.topic, this.#accumulator.bytesBuffered));
    });
  }

  /** Sends everything without further delay; resolves when all records written before are acknowledged or failed. */
  async flush(): Promise<void> {
    const last = this.#waitingSends.at(-1);
    while (last !== undefined && this.#waitingSends.includes(last)) await this.#accumulator.flush();
    await this.#accumulator.flush();
  }

  /**
   * Flushes, then ends the streams. Nothing can be written any more. What is not settled after `timeoutMs`
   * fails; without one, `deliveryTimeoutMs` is the limit for each batch, counted from when there was room for it.
   */
  close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A copy of the present counts. */
  get statistics(): ProducerStatistics {
    return {
      recordsWritten: this.#recordsWritten,
      recordsAcknowledged: this.#recordsAcknowledged,
      recordsFailed: this.#recordsFailed,
      batchesAcknowledged: this.#batchesAcknowledged,
      batchesResent: this.#batchesResent,
      batchesDuplicate: this.#batchesDuplicate,
      bytesBuffered: this.#accumulator.bytesBuffered,
    };
  }

  async #close(timeoutMs: number | undefined): Promise<void> {
    const flushed = this.flush();
    if (timeoutMs !== undefined) {
      const isOver = new AbortController();
      const late = pause(this.#cluster.clock, timeoutMs, isOver.signal);
      await Promise.race([flushed, late]);
      isOver.abort();
      this.#abandon();
    }
    await flushed;
    this.#cluster.users.delete(this);
    this.#departures?.close();
    this.#accumulator.close();
    this.#sender.close();
    this.#deadlineTimer?.cancel();
  }

  /** Fails whatever is not settled. */
  #abandon(): void {
    for (const { record, send } of this.#waitingSends.splice(0)) send.reject(closed(record.topic));
    this.#accumulator.expireHeld(Number.POSITIVE_INFINITY);
    for (const partition of this.#accumulator.busyPartitions()) {
      this.#sender.expire(partition, Number.POSITIVE_INFINITY, abandoned);
    }
  }

  #append(record: ProducerRecord, send: PendingSend | undefined): void {
    if (this.#closing !== undefined && send === undefined) throw closed(record.topic);
    const { bytesBuffered } = this.#accumulator;
    if (bytesBuffered >= 2 * this.#options.bufferBytesMax)
      throw overdrawn(record.topic, bytesBuffered);
    this.#accumulator.append(record, send);
    this.#recordsWritten++;
    this.#deadlineTimer ??= this.#setDeadlineTimer();
  }

  #hasRoom(): boolean {
    return this.#accumulator.bytesBuffered < this.#options.bufferBytesMax;
  }

  #onAcknowledged(batch: PartitionBatch, ack: ProduceAck): void {
    batch.isSettled = true;
    const { topic, partition, recordCount } = batch;
    this.#recordsAcknowledged += recordCount;
    this.#batchesAcknowledged++;
    if (ack.duplicate) this.#batchesDuplicate++;
    // An earlier attempt's stream may still hold the bytes.
    this.#accumulator.release(batch, batch.attempts === 1);
    batch.resolve(ack.baseOffset, ack.duplicate);
    const latencyMs = this.#cluster.clock.monotonicMs() - batch.createdAtMs;
    const { baseOffset, duplicate } = ack;
    this.#options.onAcknowledged?.({
      topic,
      partition,
      baseOffset,
      recordCount,
      latencyMs,
      duplicate,
    });
    this.#admit();
  }

  #onFailed(batch: PartitionBatch, error: RopewalkError): void {
    batch.isSettled = true;
    this.#recordsFailed += batch.recordCount;
    this.#accumulator.release(batch, false);
    batch.reject(error);
    this.#options.onFailed?.(error, batch.recordCount);
    this.#admit();
  }

  #onHeldFailed(held: readonly HeldRecord[], error: RopewalkError): void {
    this.#recordsFailed += held.length;
    for (const { send } of held) send?.reject(error);
    this.#options.onFailed?.(error, held.length);
    this.#admit();
  }

  #onPartitionsGone(partitions: readonly ProducerPartition[]): void {
    for (const partition of partitions) {
      this.#sender.expire(partition, Number.POSITIVE_INFINITY, () =>
        noTopicToWrite(partition.topic),
      );
    }
  }

  #onMetadata(topics: readonly string[], answered: boolean): void {
    for (const topic of topics) this.#accumulator.onMetadata(topic, answered);
  }

  /** Lets in whoever waits for room, in order. */
  #admit(): void {
    if (!this.#hasRoom()) return;
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const resolve of waiting) resolve();
    let admitted = 0;
    for (const { record, send } of this.#waitingSends) {
      if (!this.#hasRoom()) break;
      admitted++;
      this.#appendWaiting(record, send);
    }
    if (admitted > 0) this.#waitingSends.splice(0, admitted);
  }

  #appendWaiting(record: ProducerRecord, send: PendingSend): void {
    try {
      this.#append(record, send);
    } catch (error) {
      if (!(error instanceof RopewalkError)) throw error;
      send.reject(error);
    }
  }

  #setDeadlineTimer(): Timer {
    const { deliveryTimeoutMs, metadataMaxAgeMs, requestTimeoutMs } = this.#options;
    const shortestMs =
      Math.min(deliveryTimeoutMs, metadataMaxAgeMs, requestTimeoutMs) / checksPerDeadline;
    return this.#cluster.clock.setTimer(Math.min(shortestMs, deadlineCheckMsMax), () =>
      this.#checkDeadlines(),
    );
  }

  #checkDeadlines(): void {
    this.#deadlineTimer = undefined;
    const cutoffMs = this.#cluster.clock.monotonicMs() - this.#options.deliveryTimeoutMs;
    this.#sender.checkStreams();
    this.#refreshOldMetadata();
    this.#accumulator.expireHeld(cutoffMs);
    for (const partition of this.#accumulator.busyPartitions())
      this.#sender.expire(partition, cutoffMs);
    if (this.#accumulator.bytesBuffered > 0) this.#deadlineTimer = this.#setDeadlineTimer();
  }

  /** Partitions may be added, and brokers do not say so on their own. */
  #refreshOldMetadata(): void {
    const nowMs = this.#cluster.clock.monotonicMs();
    if (nowMs < this.#metadataDueMs) return;
    this.#metadataDueMs = nowMs + this.#options.metadataMaxAgeMs;
    for (const topic of this.#accumulator.topicNames()) this.#sender.search(topic);
  }
}

function closed(topic: string): RopewalkError {
  return new RopewalkError(
    "INVALID_REQUEST",
    `Cannot write to topic ${topic}: the producer is closed`,
  );
}

function overdrawn(topic: string, bytesBuffered: number): RopewalkError {
  const message = `Cannot write to topic ${topic}: ${bytesBuffered} bytes wait already; await ready() first`;
  return new RopewalkError("BUSY", message);
}

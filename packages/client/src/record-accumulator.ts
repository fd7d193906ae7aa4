import {
  type CompressionCodec,
  RecordBatchBuilder,
  recordBytesMax,
  RopewalkError,
  topicNameFault,
} from "@ropewalk/protocol";
import type { ClusterConnection } from "./cluster-connection.ts";
import { LingerQueue } from "./linger-queue.ts";
import { noTopicToWrite } from "./produce-failure.ts";
import { type PendingSend, ProducerBatch } from "./producer-batch.ts";
import { type PartitionBatch, ProducerPartition } from "./producer-partition.ts";
import { batchBytesLimit } from "./producer-options.ts";
import { bytesOf, copyOf, headersOf, type ProducerRecord } from "./producer-record.ts";
import { type HeldRecord, ProducerTopic } from "./producer-topic.ts";
import { SettledGate } from "./settled-gate.ts";

/** How records are collected. */
export interface AccumulatorOptions {
  readonly idempotent: boolean;
  readonly lingerMs: number;
  readonly batchBytesMax: number;
  readonly unknownTopicTimeoutMs: number;
  readonly compression: CompressionCodec;
}

/** What the accumulator asks for. */
export interface AccumulatorHandler {
  /** The partition may have something to send. */
  onReady(partition: ProducerPartition): void;
  /** A batch was opened, which will linger. */
  onOpened(): void;
  /** The topic's partitions are not known. */
  onTopicUnknown(topic: string): void;
  /** Records that never got into a batch failed. */
  onHeldFailed(held: readonly HeldRecord[], error: RopewalkError): void;
  /** These partitions are not there any more: what they hold cannot be sent. */
  onPartitionsGone(partitions: readonly ProducerPartition[]): void;
}

/** Builders whose memory is kept for the next batches. */
const idleBuildersMax = 64;

/**
 * Collects records into one open batch per partition. A batch is closed when it is full; when it has waited
 * long enough it becomes due, and goes as soon as its partition can send, taking records until then.
 */
export class RecordAccumulator {
  readonly #cluster: ClusterConnection;
  readonly #options: AccumulatorOptions;
  readonly #handler: AccumulatorHandler;
  readonly #topics = new Map<string, ProducerTopic>();
  readonly #idleBuilders: RecordBatchBuilder[] = [];
  readonly #batches = new SettledGate();
  readonly #holds = new SettledGate();
  readonly #lingering: LingerQueue<PartitionBatch>;
  #lastTopic: ProducerTopic | undefined;
  /** What all records that are not settled take. */
  bytesBuffered = 0;

  constructor(
    cluster: ClusterConnection,
    options: AccumulatorOptions,
    handler: AccumulatorHandler,
  ) {
    this.#cluster = cluster;
    this.#options = options;
    this.#handler = handler;
    this.#lingering = new LingerQueue(cluster.clock, options.lingerMs, (batch) =>
      this.#makeDue(batch),
    );
  }

  /** Takes a record. Throws where it can be in no topic, partition or message. */
  append(record: ProducerRecord, send: PendingSend | undefined): void {
    const topic = this.#topic(record.topic);
    const timestampMs = record.timestampMs ?? this.#cluster.clock.wallMs();
    // Checked before there is a batch: one without a record could not be sent.
    if (!Number.isSafeInteger(timestampMs) || timestampMs < -1)
      throw badTimestamp(record.topic, timestampMs);
    const key = bytesOf(record.key);
    const value = bytesOf(record.value);
    const headers = headersOf(record.headers);
    const bytes = recordBytesMax(key, value, headers);
    if (bytes > batchBytesLimit) throw tooLarge(record.topic, bytes);
    if (topic.partitions.length === 0) {
      const heldAtMs = this.#cluster.clock.monotonicMs();
      this.#hold(topic, { record: copyOf({ ...record, timestampMs }), bytes, heldAtMs, send });
      return;
    }
    const batch = this.#batchFor(topic, record.partition, key, bytes);
    batch.builder.append(timestampMs, key, value, headers);
    this.#count(batch, bytes, send);
  }

  #count(batch: PartitionBatch, bytes: number, send: PendingSend | undefined): void {
    batch.recordCount++;
    batch.bytesBuffered += bytes;
    this.bytesBuffered += bytes;
    if (send !== undefined) batch.awaitLast(send);
    if (batch.builder.sizeBytes < this.#options.batchBytesMax) return;
    this.#close(batch.destination);
    this.#handler.onReady(batch.destination);
  }

  #topic(name: string): ProducerTopic {
    if (this.#lastTopic?.name === name) return this.#lastTopic;
    const topic = this.#topics.get(name) ?? this.#newTopic(name);
    this.#lastTopic = topic;
    return topic;
  }

  #newTopic(name: string): ProducerTopic {
    const fault = topicNameFault(name);
    if (fault !== undefined) {
      throw new RopewalkError(
        "INVALID_TOPIC",
        `Cannot write to topic “${name}”: its name ${fault}`,
      );
    }
    const topic = new ProducerTopic(name, this.#cluster.random);
    this.#topics.set(name, topic);
    this.#grow(topic);
    return topic;
  }

  /** The batch that a record of so many bytes goes into. */
  #batchFor(
    topic: ProducerTopic,
    explicit: number | undefined,
    key: Uint8Array | undefined,
    bytes: number,
  ): PartitionBatch {
    const partition = topic.choose(explicit, key) ?? this.#addedPartition(topic, explicit);
    if (partition === undefined) throw noPartition(topic, explicit);
    const { open } = partition;
    if (open === undefined) return this.#openBatch(partition);
    if (open.builder.sizeBytes + bytes <= this.#options.batchBytesMax) return open;
    this.#close(partition);
    this.#handler.onReady(partition);
    // Without a key the next batch is another partition's.
    return this.#batchFor(topic, explicit, key, bytes);
  }

  /** A partition that was added since the topic was looked at; where nobody knows of it, it is asked for. */
  #addedPartition(topic: ProducerTopic, index: number | undefined): ProducerPartition | undefined {
    this.#grow(topic);
    const partition = topic.choose(index, undefined);
    if (partition === undefined) this.#handler.onTopicUnknown(topic.name);
    return partition;
  }

  #openBatch(partition: ProducerPartition): PartitionBatch {
    const batch = new ProducerBatch(partition, {
      builder: this.#idleBuilders.pop() ?? new RecordBatchBuilder(),
      codec: this.#options.compression,
      createdAtMs: this.#cluster.clock.monotonicMs(),
      serial: this.#batches.enter(),
    });
    partition.open = batch;
    this.#lingering.push(batch);
    this.#handler.onOpened();
    return batch;
  }

  #close(partition: ProducerPartition): void {
    partition.closeOpen();
    this.onClosed(partition);
  }

  /** The open batch of the partition was closed: records without a key move on. */
  onClosed(partition: ProducerPartition): void {
    const { topic } = partition;
    const hasLeader = (index: number): boolean =>
      this.#cluster.metadata.leader(topic, index) !== undefined;
    this.#topics.get(topic)?.batchClosed(partition, hasLeader);
  }

  #makeDue(batch: PartitionBatch): void {
    const partition = batch.destination;
    if (partition.open !== batch) return;
    partition.isOpenDue = true;
    this.#handler.onReady(partition);
  }

  #hold(topic: ProducerTopic, held: HeldRecord): void {
    if (topic.held.length === 0) topic.heldSerial = this.#holds.enter();
    topic.held.push(held);
    this.bytesBuffered += held.bytes;
    this.#handler.onTopicUnknown(topic.name);
  }

  /** Looks at what is known of a topic now. */
  onMetadata(name: string, answered: boolean): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    const isKnown = this.#grow(topic);
    if (isKnown) topic.missingSinceMs = undefined;
    else if (topic.isBusy) this.#waitForTopic(topic, answered);
    if (topic.partitions.length > 0) this.#releaseHeld(topic);
  }

  /** Takes over partitions that are new; answers whether the topic is there. */
  #grow(topic: ProducerTopic): boolean {
    const count = this.#cluster.metadata.partitionCount(topic.name);
    for (let index = topic.partitions.length; index < (count ?? 0); index++) {
      const { idempotent } = this.#options;
      const backoff = this.#cluster.backoff();
      topic.partitions.push(new ProducerPartition(topic.name, index, idempotent, backoff));
    }
    if (count === undefined || count === 0) return false;
    // A topic that was deleted and created again may have fewer.
    if (topic.partitions.length > count)
      this.#handler.onPartitionsGone(topic.partitions.splice(count));
    return true;
  }

  #waitForTopic(topic: ProducerTopic, answered: boolean): void {
    const nowMs = this.#cluster.clock.monotonicMs();
    if (answered) topic.missingSinceMs ??= nowMs;
    const { unknownTopicTimeoutMs } = this.#options;
    const sinceMs = topic.missingSinceMs ?? nowMs;
    if (!answered || nowMs - sinceMs < unknownTopicTimeoutMs) {
      this.#handler.onTopicUnknown(topic.name);
      return;
    }
    topic.missingSinceMs = undefined;
    this.#failHeld(topic, noTopicToWrite(topic.name));
    this.#handler.onPartitionsGone(topic.partitions.splice(0));
  }

  #releaseHeld(topic: ProducerTopic): void {
    for (const one of this.#takeHeld(topic)) {
      try {
        this.append(one.record, one.send);
      } catch (error) {
        if (!(error instanceof RopewalkError)) throw error;
        this.#handler.onHeldFailed([one], error);
      }
    }
  }

  #failHeld(topic: ProducerTopic, error: RopewalkError): void {
    const held = this.#takeHeld(topic);
    if (held.length > 0) this.#handler.onHeldFailed(held, error);
  }

  #takeHeld(topic: ProducerTopic): readonly HeldRecord[] {
    const { held } = topic;
    if (held.length === 0) return held;
    topic.held = [];
    for (const { bytes } of held) this.bytesBuffered -= bytes;
    // In a later turn: the records are in batches by then, or have failed.
    const serial = topic.heldSerial;
    queueMicrotask(() => this.#holds.leave(serial));
    return held;
  }

  /** Topics that anything was written to. */
  topicNames(): Iterable<string> {
    return this.#topics.keys();
  }

  /** Partitions that have something to send or wait for an answer. */
  *busyPartitions(): Generator<ProducerPartition> {
    for (const topic of this.#topics.values()) {
      for (const partition of topic.partitions) if (partition.isBusy) yield partition;
    }
  }

  /** Fails records that have waited for their topic since `cutoffMs` or longer; they are not in the log. */
  expireHeld(cutoffMs: number): void {
    for (const topic of this.#topics.values()) {
      const oldest = topic.held[0];
      if (oldest === undefined || oldest.heldAtMs > cutoffMs) continue;
      const message = `Cannot write to topic ${topic.name} in time: no broker answered what it has`;
      this.#failHeld(topic, new RopewalkError("LEADER_NOT_AVAILABLE", message));
    }
  }

  /** Takes back what a settled batch took. Its memory is used again if `isUnused`: nobody else reads it. */
  release(batch: PartitionBatch, isUnused: boolean): void {
    this.bytesBuffered -= batch.bytesBuffered;
    if (isUnused && this.#idleBuilders.length < idleBuildersMax) {
      batch.builder.clear();
      this.#idleBuilders.push(batch.builder);
    }
    this.#batches.leave(batch.serial);
  }

  /** Whether batches linger. */
  get isLingering(): boolean {
    return !this.#lingering.isEmpty;
  }

  /** Nothing lingers any longer. */
  depart(): void {
    this.#lingering.flush();
  }

  /** Makes every record leave as soon as it can; resolves when all that are here now are settled. */
  async flush(): Promise<void> {
    await this.#holds.settled();
    const settled = this.#batches.settled();
    this.depart();
    await settled;
  }

  /** Stops the timer. */
  close(): void {
    this.#lingering.close();
  }
}

function badTimestamp(topic: string, timestampMs: number): RopewalkError {
  const message = `Cannot write to topic ${topic}: ${timestampMs} is no timestamp in milliseconds`;
  return new RopewalkError("INVALID_RECORD", message);
}

function tooLarge(topic: string, bytes: number): RopewalkError {
  const message = `Cannot write to topic ${topic}: a record of ${bytes} bytes, ${batchBytesLimit} are the limit`;
  return new RopewalkError("MESSAGE_TOO_LARGE", message);
}

function noPartition(topic: ProducerTopic, partition: number | undefined): RopewalkError {
  const message = `Cannot write to ${topic.name}-${partition}: it has ${topic.partitions.length} partitions`;
  return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
}

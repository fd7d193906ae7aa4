import type { CompressionCodec, RecordBatchBuilder, RopewalkError } from "@ropewalk/protocol";
import type { ProducerIdentity, QueuedBatch } from "./partition-queue.ts";
import type { OutgoingBatch } from "./produce-stream.ts";
import type { RecordMetadata } from "./producer-record.ts";

/** Somebody who waits for one record of a batch. */
export interface PendingSend {
  readonly resolve: (metadata: RecordMetadata) => void;
  readonly reject: (error: RopewalkError) => void;
}

/** Where a batch goes: a partition, and what became of earlier attempts there. */
export interface BatchDestination {
  readonly topic: string;
  readonly index: number;
  readonly lastError: RopewalkError | undefined;
}

/** What a batch is made of. */
export interface BatchParts {
  readonly builder: RecordBatchBuilder;
  readonly codec: CompressionCodec;
  readonly createdAtMs: number;
  /** Counts the batches of a producer; later batches have larger numbers. */
  readonly serial: number;
}

/** The records that travel together: collected, then encoded, then sent until they are settled. */
export class ProducerBatch<Destination extends BatchDestination = BatchDestination>
  implements QueuedBatch, OutgoingBatch
{
  readonly destination: Destination;
  readonly createdAtMs: number;
  readonly serial: number;
  readonly builder: RecordBatchBuilder;
  recordCount = 0;
  /** What the batch takes of the producer's buffer. */
  bytesBuffered = 0;
  order = -1;
  identity: ProducerIdentity | undefined;
  baseSequence = -1;
  mayBeInLog = false;
  /** How often it was sent. */
  attempts = 0;
  /** Its records were acknowledged or failed: nothing that is heard of it later counts. */
  isSettled = false;
  readonly #codec: CompressionCodec;
  // Index of the record and who waits for it; only records of `send` have somebody.
  #sends: (readonly [recordIndex: number, send: PendingSend])[] | undefined;
  #encoded: Uint8Array | undefined;
  #encodedFor: ProducerIdentity | undefined;

  constructor(destination: Destination, parts: BatchParts) {
    this.destination = destination;
    this.createdAtMs = parts.createdAtMs;
    this.serial = parts.serial;
    this.builder = parts.builder;
    this.#codec = parts.codec;
  }

  get topic(): string {
    return this.destination.topic;
  }

  get partition(): number {
    return this.destination.index;
  }

  /** Somebody waits for the record that was appended last. */
  awaitLast(send: PendingSend): void {
    this.#sends ??= [];
    this.#sends.push([this.recordCount - 1, send]);
  }

  /**
   * The encoded batch with its sequence: memory of the builder. Encoded when it is first asked for, and
   * again after it got another sequence, which it only does when no attempt is under way.
   */
  get recordBatch(): Uint8Array {
    if (this.#encoded === undefined || this.#encodedFor !== this.identity) {
      this.#encodedFor = this.identity;
      this.#encoded = this.#encode();
    }
    return this.#encoded;
  }

  #encode(): Uint8Array {
    const codec = this.#codec;
    if (this.identity === undefined) return this.builder.build({ codec });
    const { producerId, producerEpoch } = this.identity;
    return this.builder.build({
      codec,
      producerId,
      producerEpoch,
      baseSequence: this.baseSequence,
    });
  }

  /** Tells everybody who waits where the records are. */
  resolve(baseOffset: number, duplicate: boolean): void {
    if (this.#sends === undefined) return;
    const { topic, partition } = this;
    for (const [index, send] of this.#sends) {
      send.resolve({ topic, partition, offset: baseOffset + index, duplicate });
    }
  }

  /** Tells everybody who waits that the batch failed. */
  reject(error: RopewalkError): void {
    for (const [, send] of this.#sends ?? []) send.reject(error);
  }
}

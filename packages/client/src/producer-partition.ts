import type { RopewalkError } from "@ropewalk/protocol";
import type { Backoff } from "./backoff.ts";
import { PartitionQueue } from "./partition-queue.ts";
import type { ProduceStream } from "./produce-stream.ts";
import type { BatchDestination, ProducerBatch } from "./producer-batch.ts";

/** A batch of a partition that the producer writes to. */
export type PartitionBatch = ProducerBatch<ProducerPartition>;

/** What a producer knows of one partition. */
export class ProducerPartition implements BatchDestination {
  readonly topic: string;
  readonly index: number;
  /** Closed batches, in order. */
  readonly queue: PartitionQueue<PartitionBatch>;
  /** Pauses after failures of this partition. */
  readonly backoff: Backoff;
  /** The batch that takes records. */
  open: PartitionBatch | undefined;
  /** The open batch has waited long enough: it goes as soon as it can, and takes records until then. */
  isOpenDue = false;
  /** Nothing is sent before this time. */
  retryAtMs = 0;
  /** Failures since the last success, and the last of them. */
  failures = 0;
  lastError: RopewalkError | undefined;
  /** Where the batches in flight are. */
  stream: ProduceStream<PartitionBatch> | undefined;
  /** An identity has been asked for. */
  awaitsIdentity = false;

  constructor(topic: string, index: number, idempotent: boolean, backoff: Backoff) {
    this.topic = topic;
    this.index = index;
    this.queue = new PartitionQueue({ idempotent });
    this.backoff = backoff;
  }

  /** Whether anything waits to be sent or answered. */
  get isBusy(): boolean {
    return this.open !== undefined || this.queue.batchCount > 0;
  }

  /** Closes the open batch: it takes no more records. */
  closeOpen(): PartitionBatch | undefined {
    const batch = this.open;
    this.open = undefined;
    this.isOpenDue = false;
    if (batch !== undefined) this.queue.push(batch);
    return batch;
  }
}

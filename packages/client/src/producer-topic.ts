import type { Random } from "@ropewalk/runtime";
import { partitionOfKey, StickyPartition } from "./partitioner.ts";
import type { PendingSend } from "./producer-batch.ts";
import type { ProducerPartition } from "./producer-partition.ts";
import type { ProducerRecord } from "./producer-record.ts";

/** A record whose topic is not known yet. */
export interface HeldRecord {
  readonly record: ProducerRecord;
  readonly bytes: number;
  readonly heldAtMs: number;
  readonly send: PendingSend | undefined;
}

/** What a producer knows of one topic. */
export class ProducerTopic {
  readonly name: string;
  /** Empty until the number of partitions is known. */
  readonly partitions: ProducerPartition[] = [];
  /** Records that wait for the number of partitions. */
  held: HeldRecord[] = [];
  /** The number of this wait among all waits. */
  heldSerial = 0;
  /** Since when brokers have said that there is no such topic; `undefined` while they have not. */
  missingSinceMs: number | undefined;
  readonly #sticky: StickyPartition;

  constructor(name: string, random: Random) {
    this.name = name;
    this.#sticky = new StickyPartition(random);
  }

  /** The partition of a record; `undefined` where it asks for one that there is not. */
  choose(explicit: number | undefined, key: Uint8Array | undefined): ProducerPartition | undefined {
    const count = this.partitions.length;
    if (explicit !== undefined) return this.partitions[explicit];
    return this.partitions[
      key === undefined ? this.#sticky.current(count) : partitionOfKey(key, count)
    ];
  }

  /**
   * Tells that a batch of the partition was closed: records without a key move on, if they can to a partition
   * that has a leader.
   */
  batchClosed(partition: ProducerPartition, hasLeader: (partition: number) => boolean): void {
    this.#sticky.batchClosed(partition.index, this.partitions.length, hasLeader);
  }

  /** Whether records wait, for whatever. */
  get isBusy(): boolean {
    return this.held.length > 0 || this.partitions.some((partition) => partition.isBusy);
  }
}

import type { ObservedBatch } from "@ropewalk/broker";

/** Says of which partition a record is; `undefined` where nobody knows it. */
export type PartitionOf = (value: Uint8Array) => number | undefined;

interface Group {
  /** After the last record that some replica applied. */
  nextOffset: number;
  /** The first record that anybody applied: it says which partition it is. */
  readonly firstValue: Uint8Array;
}

/**
 * How far each partition is committed, as only who sees all replicas knows: one of them has applied so much. Clients
 * must never be told of more.
 */
export class CommittedRecords {
  readonly #groups = new Map<string, Group>();
  readonly #ofPartition = new Map<number, Group>();

  /** A replica of a group applies this batch next. */
  applied(name: string, { firstValue, nextOffset }: ObservedBatch): void {
    const group = this.#groups.get(name);
    if (group !== undefined) group.nextOffset = Math.max(group.nextOffset, nextOffset);
    else this.#groups.set(name, { nextOffset, firstValue: Uint8Array.from(firstValue()) });
  }

  /** Whether the record at an offset of a partition is committed. */
  has(partition: number, offset: number, partitionOf: PartitionOf): boolean {
    const group = this.#ofPartition.get(partition) ?? this.#find(partition, partitionOf);
    return group !== undefined && offset < group.nextOffset;
  }

  #find(partition: number, partitionOf: PartitionOf): Group | undefined {
    for (const group of this.#groups.values()) {
      if (partitionOf(group.firstValue) !== partition) continue;
      this.#ofPartition.set(partition, group);
      return group;
    }
    return undefined;
  }
}

import type { CallFailure } from "./call-failure.ts";

/** What became of a record that a producer wrote. */
export type Fate =
  | { readonly kind: "pending" }
  | { readonly kind: "acknowledged"; readonly partition: number; readonly offset: number }
  | ({ readonly kind: "failed" } & CallFailure);

/** A record, as it was written. */
export interface WrittenRecord {
  readonly producer: string;
  /** Counts the records of the producer, from 0. */
  readonly number: number;
  readonly partition: number;
  fate: Fate;
}

/** A record, as a consumer was given it. */
export interface SeenRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

/** What clients did and saw: all that a checker may know. */
export class History {
  readonly written: Map<string, WrittenRecord> = new Map();
  /** Producers whose records may be there twice, and in another order, because they cannot tell a resend. */
  readonly plainProducers: Set<string> = new Set();
  /** By consumer, in the order in which it was given them. */
  readonly seen: Map<string, SeenRecord[]> = new Map();
  /** Hears of every record at the moment when it is acknowledged. */
  onAcknowledged: ((record: WrittenRecord, partition: number, offset: number) => void) | undefined;
  /** By partition: somebody asked for the records before this offset to be deleted. */
  readonly #deletedBefore = new Map<number, number>();

  /** The value of a record says who wrote it. */
  write(producer: string, number: number, partition: number): WrittenRecord {
    const record: WrittenRecord = { producer, number, partition, fate: { kind: "pending" } };
    this.written.set(valueOf(record), record);
    return record;
  }

  saw(consumer: string, record: SeenRecord): void {
    const list = this.seen.get(consumer) ?? [];
    list.push(record);
    this.seen.set(consumer, list);
  }

  /** Somebody is about to ask for the records of a partition before this offset to be deleted. */
  willDelete(partition: number, offset: number): void {
    this.#deletedBefore.set(partition, Math.max(offset, this.deletedBefore(partition)));
  }

  /** Whoever wrote a record was told what became of it. */
  settled(record: WrittenRecord, fate: Fate): void {
    record.fate = fate;
    if (fate.kind === "acknowledged") this.onAcknowledged?.(record, fate.partition, fate.offset);
  }

  /** Records of a partition before this offset may be gone, and none of the others. */
  deletedBefore(partition: number): number {
    return this.#deletedBefore.get(partition) ?? 0;
  }

  count(kind: Fate["kind"]): number {
    let count = 0;
    for (const { fate } of this.written.values()) if (fate.kind === kind) count++;
    return count;
  }
}

export function valueOf({ number, producer }: Pick<WrittenRecord, "producer" | "number">): string {
  return `${producer}#${number}`;
}

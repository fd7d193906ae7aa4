/** What became of a record that a producer wrote. */
export type Fate =
  | { readonly kind: "pending" }
  | { readonly kind: "acknowledged"; readonly partition: number; readonly offset: number }
  | { readonly kind: "failed"; readonly outcome: "definite" | "indefinite"; readonly why: string };

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

  count(kind: Fate["kind"]): number {
    let count = 0;
    for (const { fate } of this.written.values()) if (fate.kind === kind) count++;
    return count;
  }
}

export function valueOf({ number, producer }: Pick<WrittenRecord, "producer" | "number">): string {
  return `${producer}#${number}`;
}

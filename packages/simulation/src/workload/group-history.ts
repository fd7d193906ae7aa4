/** What the members of a consumer group, and who watched it, did and saw, in one order. */
export type GroupEvent =
  /** A member was given a record. */
  | {
      readonly kind: "delivered";
      readonly member: string;
      readonly partition: number;
      readonly offset: number;
    }
  /** A commit was acknowledged: `offset` is that of the next record to read. */
  | { readonly kind: "committed"; readonly partition: number; readonly offset: number }
  /** A member may have put the group back in a partition, or do so later: it is not below this offset from then on. */
  | { readonly kind: "rewound"; readonly partition: number; readonly offset: number }
  /** Somebody began to ask where the group is. */
  | { readonly kind: "asked"; readonly question: number }
  /** And was told, by partition; those without a committed offset are left out. */
  | {
      readonly kind: "told";
      readonly question: number;
      readonly offsets: ReadonlyMap<number, number>;
    };

/** What happened to one consumer group. */
export class GroupHistory {
  readonly events: GroupEvent[] = [];
  readonly #delivered = new Map<number, Set<number>>();
  readonly #missing = new Map<number, number>();
  #questions = 0;

  delivered(member: string, partition: number, offset: number): void {
    this.events.push({ kind: "delivered", member, partition, offset });
    const offsets = this.#delivered.get(partition) ?? new Set();
    this.#delivered.set(partition, offsets.add(offset));
  }

  committed(partition: number, offset: number): void {
    this.events.push({ kind: "committed", partition, offset });
  }

  rewound(partition: number, offset: number): void {
    this.events.push({ kind: "rewound", partition, offset });
  }

  /** Answers the number of the question. */
  asked(): number {
    const question = this.#questions++;
    this.events.push({ kind: "asked", question });
    return question;
  }

  told(question: number, offsets: ReadonlyMap<number, number>): void {
    this.events.push({ kind: "told", question, offsets });
  }

  /** The first offset of a partition, from this one on, that no member was given. */
  missingOf(partition: number, from: number): number {
    let missing = Math.max(from, this.#missing.get(partition) ?? 0);
    while (this.#delivered.get(partition)?.has(missing) === true) missing++;
    this.#missing.set(partition, missing);
    return missing;
  }
}

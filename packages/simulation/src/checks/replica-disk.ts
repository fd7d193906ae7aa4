import type { GroupWrite, HardState } from "@ropewalk/log";

/** What can be asked of a replica's log; see `GroupLog`. */
export interface StoredLog {
  readonly hardState: HardState;
  firstIndex(): number;
  lastIndex(): number;
  term(index: number): number | "compacted" | "unavailable";
}

/** The part of a write that decides what the disk holds. */
export type StoredWrite = Pick<GroupWrite, "hardState" | "entries">;

/**
 * What the disk of one replica has, as its log said: the terms of its entries, and term and vote. Writes under way may
 * be there after a crash, in their order, each whole or not at all.
 */
export class ReplicaDisk {
  /** `#terms[row]` is the term of entry `#startIndex + row`; what is before is there, too, in some form. */
  readonly #startIndex: number;
  readonly #terms: number[] = [];
  #term: number;
  #vote: number;
  #pending: StoredWrite[] = [];
  /** What the log held before the replica was taken out of its group. */
  #before: ReplicaDisk | undefined;

  constructor(log: StoredLog) {
    this.#startIndex = log.firstIndex();
    for (let index = this.#startIndex; index <= log.lastIndex(); index++) {
      this.#terms.push(termOf(log, index));
    }
    ({ term: this.#term, vote: this.#vote } = log.hardState);
  }

  writing(write: StoredWrite): void {
    this.#pending.push(write);
  }

  /** The oldest write under way is durable. */
  durable(): void {
    const write = this.#pending.shift();
    if (write !== undefined) this.#take(write);
  }

  /**
   * What a log must have that takes its place: what it promised in elections stays, and entries do where the other one
   * begins with an entry that it has.
   */
  takenOut(): ReplicaDisk {
    const hardState = { term: this.#term, vote: this.#vote, commit: 0 };
    const none = { hardState, firstIndex: () => 1, lastIndex: () => 0, term: () => 0 };
    const disk = new ReplicaDisk(none);
    disk.#before = this;
    return disk;
  }

  /** Whether the entry is there for good. */
  has(index: number, term: number): boolean {
    return index < this.#startIndex || this.#terms[index - this.#startIndex] === term;
  }

  /** Whether the vote is there for good, or one of a later term, which it had come before. */
  hasVoted(term: number, vote: number): boolean {
    return this.#term > term || (this.#term === term && this.#vote === vote);
  }

  /** What a log that was opened anew lacks of what it had; `undefined`: nothing. */
  lossIn(log: StoredLog): string | undefined {
    const pending = this.#pending;
    this.#pending = [];
    const first = this.#difference(log);
    let difference = first;
    for (const write of pending) {
      if (difference === undefined) break;
      this.#take(write);
      difference = this.#difference(log);
    }
    return difference === undefined ? undefined : first;
  }

  #take({ entries, hardState }: StoredWrite): void {
    if (hardState !== undefined) ({ term: this.#term, vote: this.#vote } = hardState);
    const [first] = entries;
    if (first === undefined) return;
    this.#terms.length = Math.min(this.#terms.length, Math.max(0, first.index - this.#startIndex));
    for (const { term } of entries) this.#terms.push(term);
  }

  #difference(log: StoredLog): string | undefined {
    const { term, vote } = log.hardState;
    if (term < this.#term) return `term ${this.#term} on disk became ${term}`;
    if (term === this.#term && this.#vote !== 0 && vote !== this.#vote) {
      return `the vote for ${this.#vote} in term ${term} became one for ${vote}`;
    }
    const lastIndex = this.#lastIndex;
    const needless = this.#before?.needlesslyReplacedBy(log);
    if (needless !== undefined) return needless;
    if (log.lastIndex() < lastIndex) {
      return `entries up to ${lastIndex} were durable, and the log ends at ${log.lastIndex()}`;
    }
    for (let index = Math.max(this.#startIndex, log.firstIndex()); index <= lastIndex; index++) {
      const before = this.#terms[index - this.#startIndex];
      const now = termOf(log, index);
      if (now !== before) return `entry ${index} of term ${before} became one of term ${now}`;
    }
    return undefined;
  }

  get #lastIndex(): number {
    return this.#startIndex + this.#terms.length - 1;
  }

  /** A snapshot takes the place of a log that lacks its last entry, and of no other: what follows that may count. */
  needlesslyReplacedBy(log: StoredLog): string | undefined {
    const index = log.firstIndex() - 1;
    const term = this.#terms[index - this.#startIndex];
    if (term === undefined || term !== termOf(log, index)) return undefined;
    if (log.lastIndex() >= this.#lastIndex) return undefined;
    return `entries up to ${this.#lastIndex} followed entry ${index} of term ${term}, which a snapshot brought again, and the log ends at ${log.lastIndex()}`;
  }
}

function termOf(log: StoredLog, index: number): number {
  const term = log.term(index);
  return typeof term === "number" ? term : 0;
}

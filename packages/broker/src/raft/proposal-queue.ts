import type { ProposalListener } from "./state-machine.ts";

interface Proposal {
  readonly index: number;
  readonly term: number;
  readonly listener: ProposalListener;
}

/** As many places are not worth being given back. */
const placesMin = 64;

/**
 * Who waits for which entry, in the order of the entries. Only a leader proposes, so indexes ascend
 * and one queue serves; how long it gets is bounded by the leader's bound on uncommitted bytes.
 */
export class ProposalQueue {
  #proposals: (Proposal | undefined)[] = [];
  /** Proposals before this position are settled, and not kept. */
  #head = 0;
  /** Proposals before this position have heard that they are durable here. */
  #persistedHead = 0;

  get size(): number {
    return this.#proposals.length - this.#head;
  }

  push(proposal: Proposal): void {
    this.#proposals.push(proposal);
  }

  /** Everything up to `index` is durable on this broker. */
  persisted(index: number): void {
    while (this.#persistedHead < this.#proposals.length) {
      const proposal = this.#proposals[this.#persistedHead];
      if (proposal === undefined || proposal.index > index) return;
      this.#persistedHead += 1;
      proposal.listener.persisted?.();
    }
  }

  /** The entry at `index` was applied; it is of `term`. */
  applied(index: number, term: number): void {
    const proposal = this.#proposals[this.#head];
    if (proposal === undefined || proposal.index > index) return;
    this.#proposals[this.#head] = undefined;
    this.#head += 1;
    this.#persistedHead = Math.max(this.#persistedHead, this.#head);
    if (proposal.term === term) proposal.listener.committed(index);
    else proposal.listener.failed("lost");
    this.#compact();
  }

  /** Leadership is over: what is not applied yet may or may not be, one day. */
  abandon(): void {
    const abandoned = this.#proposals.slice(this.#head);
    this.#proposals = [];
    this.#head = 0;
    this.#persistedHead = 0;
    for (const proposal of abandoned) proposal?.listener.failed("unknown");
  }

  /** Gives settled places back once they are the larger part; groups with a few are many. */
  #compact(): void {
    if (this.#head < placesMin || this.#head * 2 < this.#proposals.length) return;
    this.#proposals = this.#proposals.slice(this.#head);
    this.#persistedHead -= this.#head;
    this.#head = 0;
  }
}

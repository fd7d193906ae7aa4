import type { HardState } from "./hard-state.ts";
import type { Raft } from "./raft.ts";
import type { SoftState } from "./ready.ts";

/** What the owner was last told of a node's soft and hard state, and so what is news to it. */
export class PublishedState {
  readonly #raft: Raft;
  #soft: SoftState;
  #hard: HardState;

  constructor(raft: Raft) {
    this.#raft = raft;
    this.#soft = { leaderId: raft.leaderId, role: raft.role };
    this.#hard = { term: raft.term, vote: raft.vote, commit: raft.log.committed };
  }

  hasNews(): boolean {
    return this.#isSoftNews() || this.#isHardNews();
  }

  /** The soft state if it is news, which it is not any more. */
  takeSoft(): SoftState | undefined {
    if (!this.#isSoftNews()) return undefined;
    this.#soft = { leaderId: this.#raft.leaderId, role: this.#raft.role };
    return this.#soft;
  }

  /** The hard state if it is news, which it is not any more. */
  takeHard(): HardState | undefined {
    if (!this.#isHardNews()) return undefined;
    const { term, vote, log } = this.#raft;
    this.#hard = { term, vote, commit: log.committed };
    return this.#hard;
  }

  /** Whether there is news that must not be lost: a commit index is learned again, a vote is not. */
  isFlushDue(): boolean {
    return this.#raft.term !== this.#hard.term || this.#raft.vote !== this.#hard.vote;
  }

  #isSoftNews(): boolean {
    return this.#raft.leaderId !== this.#soft.leaderId || this.#raft.role !== this.#soft.role;
  }

  #isHardNews(): boolean {
    return this.#raft.log.committed !== this.#hard.commit || this.isFlushDue();
  }
}

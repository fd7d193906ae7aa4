import type { ConfState } from "../conf-state.ts";
import { EMPTY_CONF_STATE, isVoter } from "../conf-state.ts";
import { jointCommittedIndex, jointVoteResult } from "../quorum/joint.ts";
import type { AckedIndexes, VoteResult } from "../quorum/majority.ts";
import { Inflights } from "./inflights.ts";
import { Progress } from "./progress.ts";

/** How an election stands. */
export interface VoteTally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

/** The membership in force, what is known of every member, and the votes of the current election. */
export class ProgressTracker implements AckedIndexes {
  readonly inflightMsgsMax: number;
  readonly inflightBytesMax: number;
  #config: ConfState = EMPTY_CONF_STATE;
  #progress: ReadonlyMap<number, Progress> = new Map();
  /** The members in ascending order of id: the order in which messages are sent. */
  #members: readonly Progress[] = [];
  readonly #votes = new Map<number, boolean>();

  constructor(inflightMsgsMax: number, inflightBytesMax: number) {
    this.inflightMsgsMax = inflightMsgsMax;
    this.inflightBytesMax = inflightBytesMax;
  }

  get config(): ConfState {
    return this.#config;
  }

  get members(): readonly Progress[] {
    return this.#members;
  }

  get progress(): ReadonlyMap<number, Progress> {
    return this.#progress;
  }

  get(id: number): Progress | undefined {
    return this.#progress.get(id);
  }

  /** Puts a membership in force that the confchange package computed from this tracker. */
  install(config: ConfState, progress: ReadonlyMap<number, Progress>): void {
    this.#config = config;
    this.#progress = progress;
    this.#members = [...progress.values()].sort((left, right) => left.id - right.id);
  }

  /** A peer that joins now and is about to be probed from `next`. */
  newProgress(id: number, next: number, isLearner: boolean): Progress {
    const inflights = new Inflights(this.inflightMsgsMax, this.inflightBytesMax);
    const progress = new Progress(id, next, inflights, isLearner);
    // A new peer counts as active, or the next quorum check could depose a healthy leader.
    progress.recentActive = true;
    return progress;
  }

  ackedIndex(id: number): number | undefined {
    return this.#progress.get(id)?.match;
  }

  /** The highest index that is durable on a quorum. */
  committedIndex(): number {
    return jointCommittedIndex(this.#config, this);
  }

  /** Whether a single voter decides alone. */
  isSingleton(): boolean {
    return this.#config.voters.length === 1 && this.#config.votersOutgoing.length === 0;
  }

  /** Whether a quorum of the voters was heard of since the last check. */
  quorumActive(): boolean {
    const votes = new Map<number, boolean>();
    for (const member of this.#members) {
      if (!member.isLearner) votes.set(member.id, member.recentActive);
    }
    return jointVoteResult(this.#config, votes) === "won";
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  /** Counts the vote of `id`; only the first one of an election counts. */
  recordVote(id: number, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  /** Answers of nodes that do not vote (any more) are recorded but not counted. */
  tallyVotes(): VoteTally {
    let granted = 0;
    let rejected = 0;
    for (const [id, vote] of this.#votes) {
      if (!isVoter(this.#config, id)) continue;
      if (vote) granted++;
      else rejected++;
    }
    return { granted, rejected, result: jointVoteResult(this.#config, this.#votes) };
  }
}

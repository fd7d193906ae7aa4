import type { ConfChangeStep } from "../conf-change.ts";
import type { Progress } from "../tracker/progress.ts";
import type { ProgressTracker } from "../tracker/progress-tracker.ts";

/** A membership being worked out: sets that may be changed freely, away from the one in force. */
export class MembershipDraft {
  readonly voters: Set<number>;
  readonly outgoing: Set<number>;
  readonly learners: Set<number>;
  readonly learnersNext: Set<number>;
  readonly progress: Map<number, Progress> = new Map();
  autoLeave: boolean;
  readonly #tracker: ProgressTracker;
  readonly #lastIndex: number;

  constructor(tracker: ProgressTracker, lastIndex: number) {
    this.voters = new Set(tracker.config.voters);
    this.outgoing = new Set(tracker.config.votersOutgoing);
    this.learners = new Set(tracker.config.learners);
    this.learnersNext = new Set(tracker.config.learnersNext);
    this.autoLeave = tracker.config.autoLeave;
    for (const member of tracker.members) this.progress.set(member.id, member.clone());
    this.#tracker = tracker;
    this.#lastIndex = lastIndex;
  }

  /** Applies steps in order. A step for node 0 does nothing, so a change can be voided in place. */
  apply(steps: readonly ConfChangeStep[]): void {
    for (const step of steps) {
      if (step.nodeId === 0) continue;
      if (step.type === "addVoter") this.#makeVoter(step.nodeId);
      else if (step.type === "addLearner") this.#makeLearner(step.nodeId);
      else if (step.type === "remove") this.#remove(step.nodeId);
    }
  }

  leaveJoint(): void {
    for (const id of this.learnersNext) {
      this.learners.add(id);
      const progress = this.progress.get(id);
      if (progress !== undefined) progress.isLearner = true;
    }
    for (const id of this.outgoing) {
      if (!this.voters.has(id) && !this.learners.has(id)) this.progress.delete(id);
    }
    this.learnersNext.clear();
    this.outgoing.clear();
    this.autoLeave = false;
  }

  #makeVoter(id: number): void {
    const progress = this.#progressOf(id, false);
    progress.isLearner = false;
    this.learners.delete(id);
    this.learnersNext.delete(id);
    this.voters.add(id);
  }

  #makeLearner(id: number): void {
    const progress = this.#progressOf(id, true);
    if (this.learners.has(id)) return;
    this.voters.delete(id);
    // While a node still votes in the outgoing half it cannot be a learner at the same time.
    if (this.outgoing.has(id)) {
      this.learnersNext.add(id);
      return;
    }
    progress.isLearner = true;
    this.learners.add(id);
  }

  #remove(id: number): void {
    this.voters.delete(id);
    this.learners.delete(id);
    this.learnersNext.delete(id);
    // A voter of the outgoing half is still needed for its majorities.
    if (!this.outgoing.has(id)) this.progress.delete(id);
  }

  #progressOf(id: number, isLearner: boolean): Progress {
    const existing = this.progress.get(id);
    if (existing !== undefined) return existing;
    const created = this.#tracker.newProgress(id, Math.max(this.#lastIndex, 1), isLearner);
    this.progress.set(id, created);
    return created;
  }
}

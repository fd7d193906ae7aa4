import type { ConfState } from "./conf-state.ts";
import type { Progress, ProgressState } from "./tracker/progress.ts";

/** What a node is in its term. A pre-candidate asks whether it could win before it raises the term. */
export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/** What a leader knows of one member, as of the call that made this. */
export interface ProgressStatus {
  readonly id: number;
  readonly match: number;
  readonly next: number;
  readonly state: ProgressState;
  readonly isLearner: boolean;
  readonly recentActive: boolean;
  readonly paused: boolean;
  readonly pendingSnapshot: number;
  readonly inflightCount: number;
  readonly inflightFull: boolean;
}

/** A node's whole view, copied. Polling it is fine; a hot loop reads the accessors of RawNode. */
export interface Status {
  readonly id: number;
  readonly role: Role;
  readonly term: number;
  readonly vote: number;
  readonly leaderId: number;
  readonly committed: number;
  readonly applied: number;
  readonly lastIndex: number;
  /** To whom leadership is being transferred; 0 = nobody. */
  readonly transferTarget: number;
  readonly config: ConfState;
  /** Every member in ascending order of id; empty unless this node leads. */
  readonly progress: readonly ProgressStatus[];
}

/** A copy of what is known of one member. */
export function progressStatus(progress: Progress): ProgressStatus {
  return {
    id: progress.id,
    match: progress.match,
    next: progress.next,
    state: progress.state,
    isLearner: progress.isLearner,
    recentActive: progress.recentActive,
    paused: progress.isPaused(),
    pendingSnapshot: progress.pendingSnapshot,
    inflightCount: progress.inflights.count,
    inflightFull: progress.inflights.full,
  };
}

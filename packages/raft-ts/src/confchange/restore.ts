import type { ConfState } from "../conf-state.ts";
import { ascending, isJoint } from "../conf-state.ts";
import type { Progress } from "../tracker/progress.ts";
import type { ProgressTracker } from "../tracker/progress-tracker.ts";
import { assertConsistent } from "./changer.ts";

/**
 * Puts the membership of a snapshot or of storage in force in `tracker`. Everything known of the
 * members before is forgotten; they are probed from `lastIndex`.
 */
export function restoreMembership(
  tracker: ProgressTracker,
  lastIndex: number,
  confState: ConfState,
): void {
  const config: ConfState = {
    voters: ascending(confState.voters),
    votersOutgoing: ascending(confState.votersOutgoing),
    learners: ascending(confState.learners),
    learnersNext: ascending(confState.learnersNext),
    autoLeave: isJoint(confState) && confState.autoLeave,
  };
  const next = Math.max(lastIndex, 1);
  const progress = new Map<number, Progress>();
  for (const id of ascending([...config.voters, ...config.votersOutgoing])) {
    progress.set(id, tracker.newProgress(id, next, false));
  }
  for (const id of config.learners) progress.set(id, tracker.newProgress(id, next, true));
  assertConsistent(config, progress);
  tracker.install(config, progress);
}

import type { ProgressStatus } from "raft-ts";

/**
 * Who is to lead a group after this broker: of the voters that were heard lately and may lead, the one that has most of
 * the log; 0 where there is none.
 */
export function successorOf(
  brokerId: number,
  progress: readonly ProgressStatus[],
  mayLead: (brokerId: number) => boolean,
): number {
  const candidates = progress.filter(
    ({ id, isLearner, recentActive }) =>
      id !== brokerId && recentActive && !isLearner && mayLead(id),
  );
  const [best] = candidates.toSorted((a, b) => b.match - a.match);
  return best?.id ?? 0;
}

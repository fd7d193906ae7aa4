/** What can happen to a cluster. */
export const faultKinds = [
  "kill",
  "power cut",
  "power cut of all",
  "power cut at a sync",
  "pause",
  "partition",
  "one-way partition",
  "long partition",
  "slow link",
  "connection reset",
  "disk stall",
  "disk full",
  "broken disk",
  "rot",
  "lost state",
  "wiped machine",
  "clock jump",
  "cut link",
] as const;

/** One of them. */
export type FaultKind = (typeof faultKinds)[number];

/** Faults that take away what a replica has on disk. Only one and the same machine of a run suffers them: a minority. */
export const lossyFaults: readonly FaultKind[] = ["rot", "wiped machine"];

/**
 * Faults of runs that nobody asked for others. A keyed store that is lost while the metadata's log knows little of what it
 * has committed brings back a replica that was deleted, for as long as that takes: README.md, "What it does not do yet".
 */
export const usualFaults: readonly FaultKind[] = faultKinds.filter((kind) => kind !== "lost state");

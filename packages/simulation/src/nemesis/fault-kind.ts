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
] as const;

/** One of them. */
export type FaultKind = (typeof faultKinds)[number];

/** Faults that take away what a replica has on disk. Only one and the same machine of a run suffers them: a minority. */
export const lossyFaults: readonly FaultKind[] = ["rot", "wiped machine"];

/**
 * What became of a message. `proposalDropped`: it carried a proposal, which certainly will not happen.
 * `readDropped`: too many reads wait. `localMessage`: it may not come from outside. `peerNotFound`: an
 * answer from a node that is not a member. `done` says nothing about effects.
 */
export type StepOutcome =
  | "done"
  | "proposalDropped"
  | "readDropped"
  | "localMessage"
  | "peerNotFound";

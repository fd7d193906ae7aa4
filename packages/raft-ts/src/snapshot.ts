import type { ConfState } from "./conf-state.ts";

/** The state machine as of one entry, in place of all entries up to and including it. */
export interface Snapshot {
  /** The last entry it contains; at least 1. */
  readonly index: number;
  readonly term: number;
  /** The membership as of `index`, including the outgoing half of a joint configuration. */
  readonly confState: ConfState;
  /** Opaque to this package, held by reference. */
  readonly data: Uint8Array;
}

/** What a node must remember across a crash besides its log. Written in one piece with the entries. */
export interface HardState {
  readonly term: number;
  /** Who got this node's vote in `term`; 0 = nobody. */
  readonly vote: number;
  /** Highest index known to be committed. May lag after a crash, so it needs no sync of its own. */
  readonly commit: number;
}

/** The state of a node that has never taken part in anything. */
export const EMPTY_HARD_STATE: HardState = { term: 0, vote: 0, commit: 0 };

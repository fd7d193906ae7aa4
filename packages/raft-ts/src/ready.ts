import type { Entry } from "./entry.ts";
import type { HardState } from "./hard-state.ts";
import type { Message } from "./message.ts";
import type { ReadState } from "./read-only.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Role } from "./status.ts";

/** Who leads, as this node sees it. Lost with the process. */
export interface SoftState {
  /** 0 = nobody known. */
  readonly leaderId: number;
  readonly role: Role;
}

/**
 * Everything a node wants done, in one piece. With asynchronous storage writes `messages` says all that
 * must be done with the storage, and the fields `hardState`, `entries`, `snapshot` and
 * `committedEntries` repeat it. Without, the owner does this, and then calls `advance()`:
 *
 * 1. makes `snapshot`, `entries` and `hardState` durable as one unit (`mustSync` says if a flush is due);
 * 2. sends `messages`: never before 1, except that a leader's MsgApp may leave at once;
 * 3. makes `snapshot` its state, then applies `committedEntries` in order.
 */
export interface Ready {
  /** Set when it changed. */
  readonly softState: SoftState | undefined;
  /** Set when it changed. */
  readonly hardState: HardState | undefined;
  /** Reads that may be served as soon as their index is applied. */
  readonly readStates: readonly ReadState[];
  /** New entries to write; the first one replaces everything from its index on. */
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly committedEntries: readonly Entry[];
  /** In the order in which they should leave. */
  readonly messages: readonly Message[];
  /** Whether 1 needs a flush: entries, term or vote changed. A commit index alone may be lost. */
  readonly mustSync: boolean;
}

import type { LogEntry } from "@ropewalk/log";
import type { KeyValueChange } from "@ropewalk/runtime";
import type { ConfState } from "raft-ts";
import type { StateImage } from "./state-image.ts";

/** This broker's part in a group, as its state machine needs to know it. */
export type Leadership =
  /** Leads, and has committed an entry of its own term: everything before is applied. */
  | { readonly kind: "leading"; readonly term: number }
  /** Does not (yet, any more) lead; a leader of 0 is none known. */
  | { readonly kind: "following"; readonly term: number; readonly leaderId: number };

/** What a Raft group's committed entries are applied to. Everything in it runs to completion. */
export interface StateMachine {
  /**
   * Takes the next committed entry; indexes come one after another. Entries that are no record batch
   * (a new leader's first, membership) come too.
   */
  apply(entry: LogEntry): void;
  leadershipChanged(leadership: Leadership): void;
  /**
   * The group's membership changed by the entry that `apply` takes next. A machine that keeps it with its state
   * answers it as `restoredConfState` after the next start; for others the membership never changes.
   */
  membershipChanged?(confState: ConfState): void;
  /** The membership as of `restoredIndex`; `undefined` where it is still the one the group was made with. */
  readonly restoredConfState?: ConfState | undefined;
  /** The last index that is in what `takeChanges` gave out or in what the machine was restored from. */
  readonly restoredIndex: number;
  /** The last entry that was applied. */
  readonly appliedIndex: number;
  /** The whole materialized state as of `appliedIndex`. */
  takeImage(): StateImage;
  /** What changed in the materialized state since the last call, for the store beside the log. */
  takeChanges(): readonly KeyValueChange[];
}

/** What came of an entry that was proposed. */
export interface ProposalListener {
  /** The entry is durable on this broker. */
  persisted?(): void;
  /** The entry is committed and applied. */
  committed(index: number): void;
  /**
   * The entry will not be applied as proposed here. `lost`: another leader's entry took its place, so it
   * is certainly not in the log. `unknown`: leadership went away; it may still be committed.
   */
  failed(reason: "lost" | "unknown"): void;
}

import type { GroupKey, GroupLog, GroupWrite } from "@ropewalk/log";
import type { ConfState, Ready } from "raft-ts";
import type { StateImage } from "./state-image.ts";

/** A replica of a Raft group, as far as an observer may look into it. */
export interface ObservedReplica {
  /** The group's name, the same at every replica. */
  readonly key: GroupKey;
  readonly log: GroupLog;
  readonly confState: ConfState;
  readonly appliedIndex: number;
  /** Whether it has applied what made it a member; before that it votes for nobody. */
  readonly hasJoined: boolean;
  /** The state of its machine as of `appliedIndex`; the same for all replicas that have applied as much. */
  takeImage(): StateImage;
}

/** What a replica's Raft node wants done next; see `Ready` of raft-ts. */
export type ObservedStep = Pick<Ready, "softState" | "hardState" | "entries" | "committedEntries">;

/**
 * Sees all that a broker's Raft groups do, so that a simulation can hold the replicas of a group against each other
 * while they run. Nothing depends on it, and it must not change anything.
 */
export interface RaftObserver {
  /** The replica takes part from now on, with the log as it is. */
  added(replica: ObservedReplica): void;
  /** It does not any more; its log may be replaced. */
  removed(replica: ObservedReplica): void;
  /** It found its own log or the others' in contradiction, and is taken out. */
  contradicted(replica: ObservedReplica, error: Error): void;
  /** This is what is done next; what came before was handed out. */
  stepped(replica: ObservedReplica, step: ObservedStep): void;
  /** These writes are on their way to the disk, behind all earlier ones. */
  writing(writes: readonly GroupWrite[]): void;
  /** They are durable, says the log. */
  durable(writes: readonly GroupWrite[]): void;
}

import type { GroupKey, GroupLog } from "@ropewalk/log";
import type { RaftGroup } from "../raft/raft-group.ts";

/** A replica that takes no part in Raft now: its log is damaged, or gives way to another one. */
export interface AbsentReplica {
  /** The group's name on the wire; its log has another one where the replica is not the broker's first. */
  readonly key: GroupKey;
  readonly log: GroupLog;
  /** The brokers with a replica, this one included, as far as is known by now: replicas move while this one is out. */
  replicaIds(): readonly number[];
  /** Resolves when nothing of the replica is being written any more. */
  readonly settled: Promise<void>;
  /** Whether it is not to come back: its topic was deleted. */
  isGone(): boolean;
  /** Puts a replica in its place, made of what is stored now, as at a start. */
  reopen(): void;
}

/** Where the replicas of a broker are. */
export interface ReplicaHome {
  /** Takes a replica out of Raft; `undefined` where it is not here (any more). */
  takeOut(group: RaftGroup): AbsentReplica | undefined;
  /** Stored bytes of a replica are not what was written. */
  damaged(group: RaftGroup, error: unknown): void;
  /** The log of a replica, whether that takes part in Raft or not. */
  logOf(key: GroupKey): GroupLog | undefined;
  /** Every replica that takes part in Raft. */
  groups(): Iterable<RaftGroup>;
}

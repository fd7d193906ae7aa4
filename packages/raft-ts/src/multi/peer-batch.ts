import type { GroupKey, GroupRoute } from "./group-key.ts";

/**
 * A heartbeat of one group, spelled out. It alone names the replicas, for it alone brings a commit index: a light
 * one stands for it, and an answer says nothing about a log.
 */
export interface FullHeartbeat {
  readonly group: GroupRoute;
  readonly term: number;
  readonly commit: number;
  /** The leader's sequence of a read, 0 = none; see Message.context. */
  readonly context: number;
  /** The leader wants the group to hibernate: who has everything falls asleep with its answer. */
  readonly sleep: boolean;
}

/** The answer to a heartbeat of one group, spelled out. */
export interface FullHeartbeatResponse {
  readonly group: GroupKey;
  readonly term: number;
  /** The commit index of the last heartbeat that the sender holds for light ones to stand for. */
  readonly commit: number;
  readonly context: number;
  /** The sender sleeps as of this answer. */
  readonly asleep: boolean;
}

/**
 * What one node tells another about all groups they share: at least once per heartbeat interval, also
 * when it has nothing to tell, for the batch is at the same time the sign that its sender lives.
 *
 * A light heartbeat stands for the last full one of the group that its sender knows to have arrived; a
 * light response stands for a response to that one without context. Both are only a group's name.
 *
 * On the wire: the head, then the five lists, each with its count. An idle pair's batch is its head and
 * five zeros. Batches may be lost, repeated and reordered; late and repeated ones are ignored.
 */
export interface PeerBatch {
  readonly from: number;
  readonly to: number;
  /** Of the sending process: higher after every restart. */
  readonly epoch: number;
  /** Ascends with every batch of a process to the same peer. */
  readonly sequence: number;
  readonly heartbeats: readonly FullHeartbeat[];
  readonly lightHeartbeats: readonly GroupKey[];
  readonly responses: readonly FullHeartbeatResponse[];
  readonly lightResponses: readonly GroupKey[];
  /** Groups that the receiver should wake: a member is awake, or their leader's replica is gone. */
  readonly wakes: readonly GroupKey[];
}

/** Items in one batch; what comes on top goes into another. Bounds the frame that carries it. */
export const BATCH_ITEMS_MAX = 65_536;

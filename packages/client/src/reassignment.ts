import {
  type ListReassignmentsResponseReassignment,
  type PartitionReplicas,
  partitionService,
  type ReassignPartitionsResponsePlannedReassignment,
} from "@ropewalk/protocol";
import type { CallOptions, ClusterConnection } from "./cluster-connection.ts";

/** Where replicas are to be: for the partitions that are named, or as the cluster plans for topics (none: all). */
export interface ReassignmentWish {
  readonly wanted: readonly PartitionReplicas[] | { readonly auto: readonly string[] };
  /** Only checks, and answers what would be done. */
  readonly dryRun?: boolean | undefined;
  /** What each broker may give or take for all moves from now on; 0: without a bound; left out: as before. */
  readonly throttleBytesPerSecond?: number | undefined;
}

/** What changes, or would. */
export interface ReassignmentPlan {
  readonly reassignments: readonly ReassignPartitionsResponsePlannedReassignment[];
  /** What else the cluster's plan would move: another wish of the same kind, later, goes on with it. */
  readonly leftCount: number;
}

/** How another number of replicas is wanted. */
export interface ReplicationFactorOptions {
  /** Only checks, and answers what would be done. */
  readonly dryRun?: boolean | undefined;
  /** As for a {@link ReassignmentWish}. */
  readonly throttleBytesPerSecond?: number | undefined;
}

/** What another number of replicas changes, or would. */
export interface ReplicationFactorPlan {
  /** The first 1,000 of them. */
  readonly reassignments: readonly ReassignPartitionsResponsePlannedReassignment[];
  readonly changedCount: number;
}

/** Which moves are given up. */
export interface ReassignmentCancellation {
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[] | "all";
  readonly dryRun?: boolean | undefined;
}

/** Partitions whose replicas move or wait for their turn. */
export interface ReassignmentList {
  readonly reassignments: readonly ListReassignmentsResponseReassignment[];
  /** 0: without a bound. */
  readonly throttleBytesPerSecond: number;
}

/** Begins to move replicas. */
export async function reassignPartitions(
  cluster: ClusterConnection,
  { dryRun = false, throttleBytesPerSecond, wanted }: ReassignmentWish,
  options: CallOptions,
): Promise<ReassignmentPlan> {
  const chosen = "auto" in wanted ? { auto: true, topics: wanted.auto } : { partitions: wanted };
  const request = { ...chosen, dryRun, throttleBytesPerSecond };
  return cluster.call(partitionService.reassignPartitions, request, options);
}

/** Begins to give each partition of a topic another number of replicas. */
export function alterReplicationFactor(
  cluster: ClusterConnection,
  wish: { readonly topic: string; readonly replicationFactor: number } & ReplicationFactorOptions,
  options: CallOptions,
): Promise<ReplicationFactorPlan> {
  return cluster.call(partitionService.alterReplicationFactor, wish, options);
}

/** One page of what moves; an empty topic: all. */
export function listReassignments(
  cluster: ClusterConnection,
  page: { readonly topic: string; readonly pageToken: string },
  options: CallOptions,
): Promise<ReassignmentList & { readonly nextPageToken: string }> {
  return cluster.call(partitionService.listReassignments, page, options);
}

/** Gives moves up; answers the partitions that go back. */
export async function cancelReassignments(
  cluster: ClusterConnection,
  { dryRun = false, partitions }: ReassignmentCancellation,
  options: CallOptions,
): Promise<readonly PartitionReplicas[]> {
  const request = { ...(partitions === "all" ? { all: true } : { partitions }), dryRun };
  const answer = await cluster.call(partitionService.cancelReassignments, request, options);
  return answer.partitions;
}

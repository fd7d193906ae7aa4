import { RopewalkError } from "@ropewalk/protocol";
import type { NewPartition } from "./metadata-command.ts";
import type { PartitionImage, TopicImage } from "./metadata-image.ts";
import { firstAssignment, replicationFactorOf } from "./partition-assignment.ts";
import { type PlacementCandidate, placePartitions } from "./placement.ts";

/** Throws INVALID_PARTITIONS unless a topic with `has` partitions can have `wanted`: more, and not too many. */
export function checkGrowth(action: string, has: number, wanted: number, max: number): void {
  if (wanted > has && wanted <= max) return;
  const possible =
    has < max ? `where ${has + 1} to ${max} are possible` : `where ${max} are the most`;
  throw new RopewalkError(
    "INVALID_PARTITIONS",
    `Cannot ${action}: it has ${has} partitions, and ${wanted} were asked for, ${possible}`,
    has < max ? { validRange: { name: "partition_count", min: has + 1, max } } : {},
  );
}

/** More partitions, of as many replicas as the topic's others have; the leads go on where theirs end. */
export function placeMore(
  partitions: readonly PartitionImage[],
  brokers: readonly PlacementCandidate[],
  count: number,
): PartitionImage[] {
  const leads = countLeads(partitions);
  const candidates = brokers.map((broker) => ({
    ...broker,
    leadCount: leads.get(broker.brokerId) ?? 0,
  }));
  const placed = placePartitions(candidates, count, replicationFactorOf(partitions));
  return placed.map((replicaIds, row) => imaginedPartition(replicaIds, partitions.length + row));
}

/** How many partitions each broker is meant to lead. */
function countLeads(partitions: readonly PartitionImage[]): Map<number, number> {
  const leads = new Map<number, number>();
  for (const { replicaIds } of partitions) {
    const [lead] = replicaIds;
    if (lead !== undefined) leads.set(lead, (leads.get(lead) ?? 0) + 1);
  }
  return leads;
}

/** A topic as it would be, if it were made: without an id. */
export function imaginedTopic(
  topic: Pick<TopicImage, "name" | "internal" | "configs"> & {
    readonly partitions: readonly NewPartition[];
  },
): TopicImage {
  const partitions = topic.partitions.map(({ replicaIds }, row) =>
    imaginedPartition(replicaIds, row),
  );
  return { ...topic, topicId: "", incarnation: 0, partitions };
}

/** A partition that has no group yet. */
function imaginedPartition(replicaIds: readonly number[], partition: number): PartitionImage {
  return { partition, groupId: 0, incarnation: 0, ...firstAssignment(replicaIds) };
}

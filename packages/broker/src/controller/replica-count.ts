import type { PartitionImage, TopicImage } from "./metadata-image.ts";

/** Replicas by broker. */
export function countReplicas(topics: Iterable<TopicImage>): Map<number, number> {
  return count(topics, ({ replicaIds }) => replicaIds);
}

/** Replicas by broker as they are once everything has moved that moves or waits. */
export function countWantedReplicas(topics: Iterable<TopicImage>): Map<number, number> {
  return count(topics, ({ move, replicaIds }) => move?.targetIds ?? replicaIds);
}

function count(
  topics: Iterable<TopicImage>,
  idsOf: (partition: PartitionImage) => readonly number[],
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { partitions } of topics) {
    for (const partition of partitions) {
      for (const id of idsOf(partition)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}

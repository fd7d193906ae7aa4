import type { TopicImage } from "./metadata-image.ts";

/** Replicas by broker. */
export function countReplicas(topics: Iterable<TopicImage>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { partitions } of topics) {
    for (const { replicaIds } of partitions) {
      for (const id of replicaIds) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}

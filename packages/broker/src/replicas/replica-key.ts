import type { GroupKey } from "@ropewalk/log";
import type { PartitionImage } from "../controller/metadata-image.ts";
import { joinedAt } from "../controller/partition-assignment.ts";

/** The name of the log: a replica that was removed and came back is another one, with a log of its own. */
export function logKey(partition: PartitionImage, brokerId: number): GroupKey {
  const { groupId, incarnation } = partition;
  return { groupId, incarnation: joinedAt(partition, brokerId) || incarnation };
}

/** The name of the group on the wire: the same at every replica. */
export function groupKey({ groupId, incarnation }: PartitionImage): GroupKey {
  return { groupId, incarnation };
}

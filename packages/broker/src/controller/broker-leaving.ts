import { type BrokerImage, takesReplicas } from "./broker-life.ts";
import type { MetadataImage, PartitionImage, TopicImage } from "./metadata-image.ts";

/** The part of the metadata that says whether a broker can be spared. */
export type LeavingImage = Pick<MetadataImage, "brokers" | "topics">;

/**
 * Why a broker cannot leave the cluster for good; `undefined` where it can. `votersAfter`: who votes on the metadata once it
 * has left.
 */
export function decommissionFault(
  image: LeavingImage,
  broker: BrokerImage,
  votersAfter: readonly number[],
): string | undefined {
  const { brokerId } = broker;
  const left = [...image.brokers.values()].filter(
    (other) => other.brokerId !== brokerId && takesReplicas(other),
  );
  if (left.length === 0) {
    return "no other broker could take its replicas; start another one first";
  }
  const crowded = crowdedPartition(image, brokerId, left.length);
  if (crowded !== undefined) {
    const { name, partition, topic } = crowded;
    return `${topic}-${partition} ${name}, and ${left.length} other brokers could hold them; start another broker first, or reduce the replication factor (ropewalk topic alter ${topic} --replication-factor ${left.length})`;
  }
  // What is moved is read from a majority: a broker that is silent is none of it.
  const fault = broker.fenced ? partitionQuorumFault(image, brokerId) : undefined;
  return fault ?? voterQuorumFault(image, brokerId, votersAfter);
}

/** A partition with replicas on a broker that has, or is to have, more of them than the others can hold. */
function crowdedPartition(
  { topics }: LeavingImage,
  brokerId: number,
  countMax: number,
): { readonly topic: string; readonly partition: number; readonly name: string } | undefined {
  for (const { name: topic, partitions } of topics.values()) {
    for (const { move, partition, replicaIds } of partitions) {
      const { length } = move?.targetIds ?? replicaIds;
      const isTheirs = [...replicaIds, ...(move?.targetIds ?? [])].includes(brokerId);
      if (!isTheirs || length <= countMax) continue;
      return {
        topic,
        partition,
        name: `${move === undefined ? "has" : "gets"} ${length} replicas`,
      };
    }
  }
  return undefined;
}

/**
 * Why a broker must not be stopped, which is what it is drained for: a partition, or the metadata, would be left
 * without a majority of brokers that serve. Those that are silent or drained, too, do not count. `undefined`
 * where nothing speaks against it.
 */
export function drainFault(
  image: LeavingImage,
  brokerId: number,
  controllerVoters: readonly number[],
): string | undefined {
  const fault = partitionQuorumFault(image, brokerId);
  if (fault !== undefined || !controllerVoters.includes(brokerId)) return fault;
  return voterQuorumFault(image, brokerId, controllerVoters);
}

/** The same for the metadata alone, where these are the voters. */
function voterQuorumFault(
  image: LeavingImage,
  brokerId: number,
  voters: readonly number[],
): string | undefined {
  const left = othersThatServe(image, brokerId, voters);
  if (left.length > voters.length / 2) return undefined;
  return `the cluster's metadata would have ${left.length} of its ${voters.length} voters left (${namedIds(left)}), and needs ${majorityOf(voters)}; ${remedy}`;
}

const remedy = "bring back the brokers that are silent or drained first, or add others";

/**
 * Whether no partition has a replica on a broker, is to have one there, or had one that it has not let go yet: only then
 * can the broker be removed. A group that it is still a member of may need its vote to change its members.
 */
export function isEmptied({ topics }: Pick<LeavingImage, "topics">, brokerId: number): boolean {
  for (const { partitions } of topics.values()) {
    for (const { move, replicaIds } of partitions) {
      const ids = [...replicaIds, ...(move?.targetIds ?? []), ...(move?.leavingIds ?? [])];
      if (ids.includes(brokerId)) return false;
    }
  }
  return true;
}

function partitionQuorumFault(image: LeavingImage, brokerId: number): string | undefined {
  for (const { partition, topic } of partitionsOn(image, brokerId)) {
    const { replicaIds } = partition;
    const left = othersThatServe(image, brokerId, replicaIds);
    if (left.length > replicaIds.length / 2) continue;
    const name = `${topic.name}-${partition.partition}`;
    return `${name} would have ${left.length} of its ${replicaIds.length} replicas left (${namedIds(left)}), and needs ${majorityOf(replicaIds)}; ${remedy}`;
  }
  return undefined;
}

function othersThatServe(
  { brokers }: LeavingImage,
  brokerId: number,
  ids: readonly number[],
): number[] {
  return ids.filter((id) => {
    const broker = brokers.get(id);
    return id !== brokerId && broker !== undefined && takesReplicas(broker);
  });
}

function* partitionsOn(
  { topics }: LeavingImage,
  brokerId: number,
): Iterable<{ readonly topic: TopicImage; readonly partition: PartitionImage }> {
  for (const topic of topics.values()) {
    for (const partition of topic.partitions) {
      if (partition.replicaIds.includes(brokerId)) yield { topic, partition };
    }
  }
}

function majorityOf(ids: readonly number[]): number {
  return Math.floor(ids.length / 2) + 1;
}

function namedIds(ids: readonly number[]): string {
  if (ids.length === 0) return "none";
  return `${ids.length === 1 ? "broker" : "brokers"} ${ids.join(", ")}`;
}

import { RopewalkError } from "@ropewalk/protocol";
import { integerMax } from "../configs/config-rule.ts";
import { checkValue } from "../configs/config-schema.ts";
import { topicConfigSchema } from "../configs/topic-config-schema.ts";
import { takesReplicas } from "./broker-life.ts";
import type { MetadataImage, TopicImage } from "./metadata-image.ts";
import { countWantedReplicas } from "./replica-count.ts";
import { checkReplicas, replicasMax } from "./replica-check.ts";
import { type Wanted, wantedChange } from "./reassignment-planner.ts";
import { withReplicationFactor } from "./replication-factor.ts";

/** A topic that is to have another number of replicas. */
export interface TopicReplication {
  readonly image: MetadataImage;
  readonly isAlive: (brokerId: number) => boolean;
  readonly topic: string;
  readonly replicationFactor: number;
}

const minInsyncName = "min.insync.replicas";

/**
 * What is wanted for the partitions of a topic that have not so many replicas yet. Those that move already are taken
 * for where they are going. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_REPLICATION_FACTOR, INVALID_CONFIG
 * where the topic's `min.insync.replicas` asks for more, or INVALID_REPLICA_ASSIGNMENT where a partition would be left without a majority that is alive.
 */
export function replicateTopic({
  image,
  isAlive,
  replicationFactor,
  topic: name,
}: TopicReplication): Wanted[] {
  const topic = image.topics.get(name);
  const action = `give topic ${name} ${replicationFactor} replicas`;
  if (topic === undefined) {
    const message = `Cannot ${action}: it does not exist`;
    throw new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
  }
  checkInsync(action, topic, replicationFactor);
  const brokers = holders(image, isAlive);
  const wantedNow = topic.partitions.map(({ move, replicaIds }) => move?.targetIds ?? replicaIds);
  const isGrowing = wantedNow.some((ids) => ids.length < replicationFactor);
  const usable = isGrowing ? brokers.filter(({ mayTake }) => mayTake) : brokers;
  checkFactor(action, replicationFactor, usable.length, isGrowing);
  const placed = withReplicationFactor(brokers, wantedNow, replicationFactor);
  return topic.partitions.flatMap((partition, at) => {
    const replicaIds = placed[at] ?? [];
    const changes = wantedChange(name, partition, replicaIds);
    if (changes.length === 0) return [];
    if (replicaIds.length < replicationFactor) throw tooFew(action, topic, at, replicaIds);
    checkReplicas({ topic: name, image: partition, replicaIds, brokers: image.brokers, isAlive });
    return changes;
  });
}

function checkInsync(action: string, { configs }: TopicImage, replicationFactor: number): void {
  const value = configs.get(minInsyncName);
  if (value === undefined || replicationFactor < 1) return;
  const schema = topicConfigSchema({ replicationFactor, batchBytesMax: integerMax });
  checkValue(schema, action, minInsyncName, value);
}

function holders(image: MetadataImage, isAlive: (brokerId: number) => boolean) {
  const counts = countWantedReplicas(image.topics.values());
  return [...image.brokers.values()].map((broker) => ({
    brokerId: broker.brokerId,
    rack: broker.rack,
    replicaCount: counts.get(broker.brokerId) ?? 0,
    mayTake: takesReplicas(broker) && isAlive(broker.brokerId),
    isAlive: isAlive(broker.brokerId),
  }));
}

function checkFactor(
  action: string,
  replicationFactor: number,
  usableCount: number,
  isGrowing: boolean,
): void {
  const most = Math.min(usableCount, replicasMax);
  if (replicationFactor >= 1 && replicationFactor <= most) return;
  const where = isGrowing
    ? `${usableCount} brokers take new ones`
    : `there are ${usableCount} brokers`;
  throw new RopewalkError(
    "INVALID_REPLICATION_FACTOR",
    `Cannot ${action}: 1 to ${most} are possible, for ${where} and a partition has ${replicasMax} at most`,
    { validRange: { name: "replication_factor", min: 1, max: most } },
  );
}

function tooFew(
  action: string,
  { name }: TopicImage,
  partition: number,
  replicaIds: readonly number[],
): RopewalkError {
  return new RopewalkError(
    "INVALID_REPLICATION_FACTOR",
    `Cannot ${action}: ${name}-${partition} would have ${replicaIds.length}, on brokers ${replicaIds.join(", ")}; no other broker takes new ones`,
  );
}

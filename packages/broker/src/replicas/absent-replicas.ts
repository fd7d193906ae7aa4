import type { GroupLog } from "@ropewalk/log";
import type { MetadataImage, PartitionImage, TopicImage } from "../controller/metadata-image.ts";
import { holdersOf } from "../controller/partition-assignment.ts";
import { groupKey } from "./replica-key.ts";
import type { AbsentReplica } from "../snapshot/replica-home.ts";

/** A partition as the metadata has it now; `undefined` where its topic is gone. */
export function currentPartition(
  image: MetadataImage,
  topicName: string,
  groupId: number,
): { readonly topic: TopicImage; readonly partition: PartitionImage } | undefined {
  const topic = image.topics.get(topicName);
  const partition = topic?.partitions.find((each) => each.groupId === groupId);
  return topic === undefined || partition === undefined ? undefined : { topic, partition };
}

/** The replicas on this broker that are out of Raft: damaged, or being rebuilt. */
export class AbsentReplicas {
  readonly #image: MetadataImage;
  readonly #reopen: (topic: TopicImage, partition: PartitionImage) => void;
  readonly #replicas = new Map<
    number,
    { readonly absent: AbsentReplica; readonly topic: string }
  >();

  /** `reopen` puts a replica back, made of what is stored, where it is still wanted here. */
  constructor(
    image: MetadataImage,
    reopen: (topic: TopicImage, partition: PartitionImage) => void,
  ) {
    this.#image = image;
    this.#reopen = reopen;
  }

  get size(): number {
    return this.#replicas.size;
  }

  has(groupId: number): boolean {
    return this.#replicas.has(groupId);
  }

  get(groupId: number): AbsentReplica | undefined {
    return this.#replicas.get(groupId)?.absent;
  }

  /** Its partition as the metadata has it now. */
  imageOf(groupId: number): PartitionImage | undefined {
    const topic = this.#replicas.get(groupId)?.topic;
    if (topic === undefined) return undefined;
    return currentPartition(this.#image, topic, groupId)?.partition;
  }

  /** `settled`: what is on its way to the disk for it is there. */
  add(
    topic: TopicImage,
    partition: PartitionImage,
    log: GroupLog,
    settled: Promise<void>,
  ): AbsentReplica {
    const { groupId } = partition;
    const isGone = (): boolean => this.get(groupId) !== absent;
    const reopen = (): void => {
      if (isGone()) return;
      this.forget(groupId);
      const current = currentPartition(this.#image, topic.name, groupId);
      if (current !== undefined) this.#reopen(current.topic, current.partition);
    };
    const replicaIds = (): readonly number[] => holdersOf(this.imageOf(groupId) ?? partition);
    const absent = { key: groupKey(partition), log, replicaIds, settled, isGone, reopen };
    this.#replicas.set(groupId, { absent, topic: topic.name });
    return absent;
  }

  /** It is back, or gone. */
  forget(groupId: number): void {
    this.#replicas.delete(groupId);
  }
}

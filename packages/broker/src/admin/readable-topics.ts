import { RopewalkError } from "@ropewalk/protocol";
import type { MetadataImage, PartitionImage, TopicImage } from "../controller/metadata-image.ts";
import { groupsTopic } from "../group/group-router.ts";
import { expectJoined } from "../membership/joined.ts";

/** What finding needs. */
export interface ReadableTopicsOptions {
  readonly image: MetadataImage;
  readonly isReady: () => boolean;
}

/** The topics whose records clients may write and read. */
export class ReadableTopics {
  readonly #options: ReadableTopicsOptions;

  constructor(options: ReadableTopicsOptions) {
    this.#options = options;
  }

  /** Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC for the cluster's own, LEADER_NOT_AVAILABLE while nobody can say. */
  topic(name: string): TopicImage {
    const topic = this.#options.image.topics.get(name);
    if (topic !== undefined && name === groupsTopic) {
      // Clients see it in the metadata: "does not exist" would make them wait until it does.
      throw new RopewalkError(
        "INVALID_TOPIC",
        `Cannot reach records of topic ${name}: it is the cluster's own and has none`,
      );
    }
    if (topic !== undefined) return topic;
    expectJoined(this.#options);
    throw new RopewalkError(
      "UNKNOWN_TOPIC_OR_PARTITION",
      `Cannot find topic ${JSON.stringify(name)}: it does not exist`,
    );
  }

  /** Throws as `topic` does, and UNKNOWN_TOPIC_OR_PARTITION for a partition that the topic has not got. */
  partition(name: string, partition: number): PartitionImage {
    const { partitions } = this.topic(name);
    const found = partitions[partition];
    if (found !== undefined) return found;
    throw new RopewalkError(
      "UNKNOWN_TOPIC_OR_PARTITION",
      `Cannot find partition ${partition} of topic ${name}: it has partitions 0 to ${partitions.length - 1}`,
    );
  }
}

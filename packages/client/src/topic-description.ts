import type {
  PartitionDescription,
  TopicDescription as TopicDescriptionMessage,
} from "@ropewalk/protocol";

/** A topic to be made; what is left out is the cluster's default. */
export interface NewTopic {
  readonly name: string;
  readonly partitionCount?: number | undefined;
  readonly replicationFactor?: number | undefined;
  /** Kafka's names, for example "max.message.bytes". */
  readonly configs?: Readonly<Record<string, string>> | undefined;
}

/** A topic with its settings and partitions. */
export interface TopicDescription {
  readonly name: string;
  /** A UUID; a topic that is deleted and created again has another one. */
  readonly topicId: string;
  readonly internal: boolean;
  readonly configs: Readonly<Record<string, string>>;
  /** A `leaderId` of 0 is nobody known. */
  readonly partitions: readonly PartitionDescription[];
}

/** The description in a broker's answer. */
export function topicDescriptionOf(message: TopicDescriptionMessage): TopicDescription {
  const { name, topicId, internal, partitions } = message;
  return { name, topicId, internal, configs: Object.fromEntries(message.configs), partitions };
}

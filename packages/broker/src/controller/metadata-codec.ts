import { ByteReader, ByteWriter, RopewalkError } from "@ropewalk/protocol";
import {
  decodeBrokerConfigState,
  decodeClusterState,
  decodeMetadataCommand as decodeCommand,
  decodeTopicState,
  encodeBrokerConfigState,
  encodeClusterState as encodeCluster,
  encodeMetadataCommand as encodeCommand,
  encodeTopicState as encodeTopic,
  type MetadataCommandInit,
  type PartitionState,
  type TopicState,
  type TopicStateInit,
} from "@ropewalk/protocol/internal";
import type { KeyValueStore } from "@ropewalk/runtime";
import { keyAfterPrefix } from "../key-prefix.ts";
import type { ConfState } from "raft-ts";
import { encodeStateImage } from "../raft/state-image.ts";
import {
  decodeBrokerState,
  encodeBrokerState,
  lifeChangeMessage,
  lifeChangeOf,
  registrationMessage,
  registrationOf,
} from "./broker-codec.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import type { MetadataImage, PartitionImage, TopicImage } from "./metadata-image.ts";
import type { RemovedDirectory } from "./removed-directories.ts";

/** Key of what concerns the cluster as a whole. */
export const clusterKey = "metadata/cluster";

const brokerPrefix = "metadata/broker/";
const topicPrefix = "metadata/topic/";
const removedPrefix = "metadata/removed-directory/";
const configPrefix = "metadata/config/";

/** Key of one broker's registration. */
export function brokerKey(brokerId: number): string {
  return `${brokerPrefix}${brokerId}`;
}

/** Key of the data directory of a removed broker. */
export function removedDirectoryKey(directoryId: string): string {
  return `${removedPrefix}${directoryId}`;
}

/** Key of one topic. */
export function topicKey(name: string): string {
  return `${topicPrefix}${name}`;
}

/** Key of one broker's configs, or of the cluster's. */
export function brokerConfigKey(brokerId: number): string {
  return `${configPrefix}${brokerId}`;
}

/** A command to bytes: `ropewalk.internal.v1.MetadataCommand`. */
export function encodeMetadataCommand(command: MetadataCommand): Uint8Array {
  return encodeCommand({ command: toMessage(command) });
}

/** A command from bytes; `undefined` for kinds that a newer broker may have written. */
export function decodeMetadataCommand(bytes: Uint8Array): MetadataCommand | undefined {
  const { command } = decodeCommand(bytes);
  switch (command?.case) {
    case undefined:
      return undefined;
    case "clusterFormed":
      return { kind: "clusterFormed", clusterId: command.value.clusterId };
    case "brokerRegistered":
      return {
        kind: "brokerRegistered",
        broker: registrationOf(command.value),
        replacedDirectoryId: command.value.replacedDirectoryId,
      };
    case "topicCreated":
      return { kind: "topicCreated", ...command.value };
    case "topicDeleted":
      return { kind: "topicDeleted", topicId: command.value.topicId };
    case "producerIdsAllocated":
      return { kind: "producerIdsAllocated", count: command.value.count };
    case "brokerStateChanged":
      return lifeChangeOf(command.value);
    case "featureLevelRaised":
      return { kind: "featureLevelRaised", level: command.value.level };
    case "partitionsReassigned":
      return { kind: "partitionsReassigned", assignments: command.value.assignments };
    case "movesStarted":
      return { kind: "movesStarted", partitions: command.value.partitions };
    case "moveCompleted":
      return { kind: "moveCompleted", ...command.value };
    case "moveThrottleSet":
      return { kind: "moveThrottleSet", bytesPerSecond: command.value.bytesPerSecond };
    case "topicConfigsAltered":
      return { kind: "topicConfigsAltered", ...command.value };
    case "brokerConfigsAltered":
      return { kind: "brokerConfigsAltered", ...command.value };
    case "partitionsCreated":
      return { kind: "partitionsCreated", ...command.value };
    case "newcomersSettled":
      return { kind: "newcomersSettled", brokerIds: command.value.brokerIds };
  }
}

/** A topic to the bytes that are kept of it. */
export function encodeTopicState(topic: TopicImage): Uint8Array {
  return encodeTopic(topicMessage(topic));
}

/** Configs of a broker, or of the cluster, to the bytes that are kept of them. */
export function encodeBrokerConfigs(
  brokerId: number,
  configs: ReadonlyMap<string, string>,
): Uint8Array {
  return encodeBrokerConfigState({ brokerId, configs });
}

/** A topic from its message. */
export function topicOf(topic: TopicState | undefined): TopicImage {
  if (topic === undefined) throw missing("topic");
  const partitions = topic.partitions.map((each, partition) =>
    partitionOf(each, partition, topic.incarnation),
  );
  return { ...topic, partitions };
}

/** A topic as a message. */
export function topicMessage(topic: TopicImage): TopicStateInit {
  return {
    ...topic,
    partitions: topic.partitions.map((partition) => ({
      ...partition,
      joined: [...partition.joined].map(([brokerId, assignmentId]) => ({ brokerId, assignmentId })),
      move:
        partition.move === undefined
          ? undefined
          : { ...partition.move, isStarted: partition.move.state === "moving" },
    })),
  };
}

function partitionOf(
  state: PartitionState,
  partition: number,
  topicIncarnation: number,
): PartitionImage {
  const { assignmentId, bornIds, groupId, joined, move, replicaIds } = state;
  return {
    partition,
    groupId,
    incarnation: state.incarnation || topicIncarnation,
    replicaIds,
    // Early versions did not write them: no replica moved then.
    bornIds: bornIds.length === 0 ? replicaIds : bornIds,
    assignmentId,
    joined: new Map(joined.map((each) => [each.brokerId, each.assignmentId])),
    move:
      move === undefined
        ? undefined
        : {
            targetIds: move.targetIds,
            leavingIds: move.leavingIds,
            state: move.isStarted ? "moving" : "waiting",
          },
  };
}

/** What is kept of the image beside brokers and topics. `membership`: undefined as long as it never changed. */
export function encodeClusterState(
  image: MetadataImage,
  appliedIndex: number,
  membership: ConfState | undefined,
): Uint8Array {
  const { clusterId, featureLevel, moveThrottle, nextGroupId, nextProducerId } = image;
  return encodeCluster({
    newcomerIds: [...image.newcomerIds],
    appliedIndex,
    clusterId,
    nextGroupId,
    nextProducerId,
    membership,
    featureLevel,
    moveThrottle,
  });
}

/** The whole image, as it would be kept. */
export function encodeMetadataState(
  image: MetadataImage,
  appliedIndex: number,
  membership: ConfState | undefined,
): Uint8Array {
  const brokers = [...image.brokers.values()].map(
    (broker) => [brokerKey(broker.brokerId), encodeBrokerState(broker)] as const,
  );
  const removed = [...image.removedDirectories].map(
    ([directoryId, each]) =>
      [removedDirectoryKey(directoryId), encodeRemovedDirectory(each)] as const,
  );
  const topics = [...image.topics.values()].map(
    (topic) => [topicKey(topic.name), encodeTopicState(topic)] as const,
  );
  const configs = [...image.brokerConfigs].map(
    ([brokerId, own]) => [brokerConfigKey(brokerId), encodeBrokerConfigs(brokerId, own)] as const,
  );
  const cluster = [clusterKey, encodeClusterState(image, appliedIndex, membership)] as const;
  const pairs = [...brokers, ...removed, ...topics, ...configs, cluster];
  return encodeStateImage({ prefixes: ["metadata/"], pairs });
}

/** What was kept beside the log: how far it was applied, and who belonged to its group then. */
export interface RestoredMetadata {
  readonly appliedIndex: number;
  readonly membership: ConfState | undefined;
}

/** Fills the image with what is kept of it; answers the index it is of, 0 where there is nothing. */
export function restoreImage(image: MetadataImage, store: KeyValueStore): RestoredMetadata {
  const bytes = store.get(clusterKey);
  if (bytes === undefined) return { appliedIndex: 0, membership: undefined };
  const { appliedIndex, membership, ...cluster } = decodeClusterState(bytes);
  image.restore({
    ...cluster,
    brokers: pairsUnder(store, brokerPrefix).map(([, value]) => decodeBrokerState(value)),
    removedDirectories: pairsUnder(store, removedPrefix).map(([key, value]) =>
      decodeRemovedDirectory(key.slice(removedPrefix.length), value),
    ),
    topics: pairsUnder(store, topicPrefix).map(([, value]) => topicOf(decodeTopicState(value))),
    brokerConfigs: pairsUnder(store, configPrefix).map(([, value]) => {
      const { brokerId, configs } = decodeBrokerConfigState(value);
      return [brokerId, configs] as const;
    }),
  });
  return { appliedIndex, membership };
}

/** What is kept of a removed broker under its directory: its id, and since when it is removed. */
export function encodeRemovedDirectory({ brokerId, removedIndex }: RemovedDirectory): Uint8Array {
  return Uint8Array.from(new ByteWriter(16).uvarint(brokerId).uvarint(removedIndex).finish());
}

function decodeRemovedDirectory(directoryId: string, bytes: Uint8Array): RemovedDirectory {
  const reader = new ByteReader(bytes);
  const brokerId = reader.uvarint();
  // Early versions did not write it.
  const removedIndex = reader.remaining === 0 ? 0 : reader.uvarint();
  return { directoryId, brokerId, removedIndex };
}

function pairsUnder(store: KeyValueStore, prefix: string): (readonly [string, Uint8Array])[] {
  return [...store.range(prefix, keyAfterPrefix(prefix))];
}

function toMessage(command: MetadataCommand): NonNullable<MetadataCommandInit["command"]> {
  switch (command.kind) {
    case "clusterFormed":
      return { case: "clusterFormed", value: command };
    case "brokerRegistered":
      return {
        case: "brokerRegistered",
        value: {
          ...registrationMessage(command.broker),
          replacedDirectoryId: command.replacedDirectoryId,
        },
      };
    case "topicCreated":
      return { case: "topicCreated", value: command };
    case "topicDeleted":
      return { case: "topicDeleted", value: command };
    case "producerIdsAllocated":
      return { case: "producerIdsAllocated", value: command };
    case "brokerStateChanged":
      return { case: "brokerStateChanged", value: lifeChangeMessage(command) };
    case "featureLevelRaised":
      return { case: "featureLevelRaised", value: command };
    case "partitionsReassigned":
      return { case: "partitionsReassigned", value: command };
    case "movesStarted":
      return { case: "movesStarted", value: command };
    case "moveCompleted":
      return { case: "moveCompleted", value: command };
    case "moveThrottleSet":
      return { case: "moveThrottleSet", value: command };
    case "topicConfigsAltered":
      return { case: "topicConfigsAltered", value: command };
    case "brokerConfigsAltered":
      return { case: "brokerConfigsAltered", value: command };
    case "partitionsCreated":
      return { case: "partitionsCreated", value: command };
    case "newcomersSettled":
      return { case: "newcomersSettled", value: command };
  }
}

function missing(what: string): RopewalkError {
  return new RopewalkError("INVALID_REQUEST", `Cannot take the message: it lacks its ${what}`);
}

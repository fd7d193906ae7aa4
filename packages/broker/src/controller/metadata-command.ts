import type { ConfigChange } from "../configs/config-alteration.ts";
import type { BrokerLifeChange } from "./broker-life.ts";
import type { BrokerRegistration } from "./broker-registration.ts";

/** Where a new partition's replicas go. */
export interface NewPartition {
  readonly replicaIds: readonly number[];
}

/** A partition of a topic, and which topic of that name is meant. */
export interface PartitionName {
  readonly topic: string;
  readonly partition: number;
  readonly groupId: number;
}

/** Where the replicas of a partition are to be; empty: where they were before they began to move. */
export interface WantedReplicas extends PartitionName {
  readonly targetIds: readonly number[];
}

/** A change of the cluster's metadata, as the controller's log has it. */
export type MetadataCommand =
  | { readonly kind: "clusterFormed"; readonly clusterId: string }
  | {
      readonly kind: "brokerRegistered";
      readonly broker: BrokerRegistration;
      /** The directory that this one takes the place of; empty: the broker is new, or has its data. */
      readonly replacedDirectoryId: string;
    }
  | {
      readonly kind: "topicCreated";
      readonly name: string;
      readonly topicId: string;
      readonly internal: boolean;
      readonly configs: ReadonlyMap<string, string>;
      readonly partitions: readonly NewPartition[];
    }
  | { readonly kind: "topicDeleted"; readonly topicId: string }
  | { readonly kind: "producerIdsAllocated"; readonly count: number }
  | { readonly kind: "partitionsReassigned"; readonly assignments: readonly WantedReplicas[] }
  | { readonly kind: "movesStarted"; readonly partitions: readonly PartitionName[] }
  | ({ readonly kind: "moveCompleted"; readonly assignmentId: number } & PartitionName)
  | { readonly kind: "moveThrottleSet"; readonly bytesPerSecond: number }
  | ({ readonly kind: "topicConfigsAltered"; readonly topicId: string } & ConfigChange)
  | ({ readonly kind: "brokerConfigsAltered"; readonly brokerId: number } & ConfigChange)
  | {
      readonly kind: "partitionsCreated";
      readonly topicId: string;
      /** How many the topic has before; otherwise the command comes too late. */
      readonly partitionCount: number;
      readonly partitions: readonly NewPartition[];
    }
  | BrokerLifeChange
  | { readonly kind: "featureLevelRaised"; readonly level: number }
  | { readonly kind: "newcomersSettled"; readonly brokerIds: readonly number[] };

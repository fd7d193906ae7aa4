export { Admin } from "./admin.ts";
export type {
  AdminOptions,
  BrokerChangeOptions,
  ChangeOptions,
  FeatureUpgrade,
  LeavingBroker,
} from "./admin.ts";
export type { PartitionOffsets } from "./offset-lookup.ts";
export type { PartitionStart, RecordDeletion } from "./record-deletion.ts";
export type {
  ReassignmentCancellation,
  ReassignmentList,
  ReassignmentPlan,
  ReassignmentWish,
  ReplicationFactorOptions,
  ReplicationFactorPlan,
} from "./reassignment.ts";
export type { GroupDescription, GroupLag } from "./group-description.ts";
export type { ConfigAlteration, ConfigQuestion, ConfigResource } from "./resource-configs.ts";
export type { NewTopic, TopicDescription } from "./topic-description.ts";
export type { Channel, Channels } from "./channel-pool.ts";
export { RopewalkClient } from "./client.ts";
export type { RopewalkClientOptions } from "./client.ts";
export { createClient } from "./create-client.ts";
export type { CreateClientOptions } from "./create-client.ts";
export { Producer } from "./producer.ts";
export type { ProducerStatistics } from "./producer.ts";
export type { BatchAcknowledgement, ProducerOptions } from "./producer-options.ts";
export type {
  ProducerRecord,
  RecordBytes,
  RecordHeaderInput,
  RecordMetadata,
} from "./producer-record.ts";
export { murmur2, partitionOfKey } from "./partitioner.ts";
export type { OffsetPosition, StartFrom } from "./start-position.ts";
export { ConsumedBatch } from "./consumed-batch.ts";
export type { ConsumedRecord } from "./consumed-batch.ts";
export { Consumer } from "./consumer.ts";
export type { ConsumerOptions, ConsumerPosition } from "./consumer.ts";
export type { TopicPartition } from "./group-member.ts";
export type { PartitionOffset } from "./group-session.ts";

export { Broker } from "./broker.ts";
export type { BrokerHost } from "./broker.ts";
export { GrpcDoor } from "./grpc/grpc-door.ts";
export type { ClientDoor, GrpcDoorOptions } from "./grpc/grpc-door.ts";
export type { GrpcService } from "./grpc/grpc-services.ts";
export { defaultBrokerLimits } from "./config.ts";
export type { BootstrapBroker, BrokerConfig, BrokerLimits } from "./config.ts";
export type { HeldBytes } from "./held-bytes.ts";
export type { ObservedReplica, ObservedStep, RaftObserver } from "./raft/raft-observer.ts";
export { observedBatch } from "./raft/observed-batch.ts";
export type { ObservedBatch } from "./raft/observed-batch.ts";
export { keepsConsumerGroups, observedMembership } from "./group/observed-membership.ts";
export type { ObservedMembership } from "./group/observed-membership.ts";
export { assignmentOfEntry } from "./raft/member-record.ts";
export type { StateImage } from "./raft/state-image.ts";
export { anonymous } from "./ports.ts";
export type {
  Acknowledgement,
  AppendCallback,
  AppendResult,
  BrokerPorts,
  BrokerView,
  ClusterView,
  GroupCoordinator,
  NewTopic,
  PartitionDirectory,
  PartitionLog,
  PartitionView,
  Principal,
  ProducerIds,
  ReadResult,
  StartPosition,
  TopicAdmin,
  TopicView,
} from "./ports.ts";

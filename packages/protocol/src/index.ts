// Failures.
export { errorCodes, errorTraits } from "./error-code.ts";
export type { ErrorCode, ErrorTraits, Outcome } from "./error-code.ts";
export { RopewalkError } from "./ropewalk-error.ts";
export type { InvalidConfigValue, RopewalkErrorDetails, ValidNumbers } from "./ropewalk-error.ts";
export {
  decodeErrorStatus,
  encodeErrorStatus,
  fromProtoError,
  statusDetailsKey,
  toProtoError,
} from "./proto-error.ts";

// Names.
export { isInternalTopicName, topicNameCharsMax, topicNameFault } from "./topic-name.ts";

// Bytes.
export { ByteReader } from "./byte-reader.ts";
export { ByteWriter } from "./byte-writer.ts";
export { crc32c } from "./crc32c.ts";
export { crc32cCombine } from "./crc32c-combine.ts";

// Record batches.
export { stampAppendTime } from "./append-time.ts";
export {
  batchAttributeMasks,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchBytes,
  batchCodec,
  batchCrc,
  batchCrcStart,
  batchDeleteHorizon,
  batchHeaderBytes,
  batchLastOffset,
  batchLastOffsetDelta,
  batchLastSequence,
  batchLeaderEpoch,
  batchMagic,
  batchMaxTimestamp,
  batchNextOffset,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  compressionCodecs,
  isControlBatch,
  isTransactionalBatch,
  patchBatch,
  recordBatchMagic,
} from "./record-batch-header.ts";
export type { CompressionCodec } from "./record-batch-header.ts";
export { compress, decompress, decompressedBytesMaxDefault } from "./compression.ts";
export { RecordBatchBuilder, recordBytesMax } from "./record-batch-builder.ts";
export type { BatchOptions, RecordHeader } from "./record-batch-builder.ts";
export { RecordBatchRewriter } from "./record-batch-rewriter.ts";
export { isBatchIntact, readRecords, RecordCursor } from "./record-cursor.ts";
export type { BatchRecord, ReadRecordsOptions } from "./record-cursor.ts";
export { splitBatches } from "./split-batches.ts";
export { batchFaultError, validateBatch } from "./validate-batch.ts";
export type { BatchFault, BatchFaultReason, BatchLimits } from "./validate-batch.ts";

// The messages and services of ropewalk.v1, generated from proto/.
export type { GrpcMethod } from "./grpc-method.ts";
export { PayloadMessage } from "./payload-message.ts";
export type { BytesPieces } from "./payload-message.ts";
export {
  decodeInvalidConfig,
  decodeValidRange,
  decodeProtoError,
  encodeInvalidConfig,
  encodeValidRange,
  encodeProtoError,
} from "./generated/error.ts";
export type {
  InvalidConfig,
  InvalidConfigInit,
  ProtoError,
  ProtoErrorInit,
} from "./generated/error.ts";
export { decodeStatus, encodeStatus } from "./generated/google-rpc-status.ts";
export type { Status, StatusInit } from "./generated/google-rpc-status.ts";
export { produceService } from "./generated/produce-service.ts";
export type {
  Acks,
  Header,
  HeaderInit,
  InitProducerIdRequest,
  InitProducerIdRequestInit,
  InitProducerIdResponse,
  InitProducerIdResponseInit,
  ProduceAck,
  ProduceAckInit,
  ProduceRequest,
  ProduceRequestInit,
  ProduceResponse,
  ProduceResponseInit,
  ProduceStreamRequest,
  ProduceStreamRequestInit,
  ProduceStreamResponse,
  ProduceStreamResponseInit,
  ProtoRecord,
  ProtoRecordInit,
} from "./generated/produce-service.ts";
export { fetchService } from "./generated/fetch-service.ts";
export type {
  FetchRequest,
  FetchRequestInit,
  FetchResponse,
  FetchResponseInit,
  FetchStreamRequest,
  FetchStreamRequestCredit,
  FetchStreamRequestCreditInit,
  FetchStreamRequestInit,
  FetchStreamRequestSubscribe,
  FetchStreamRequestSubscribeInit,
  FetchStreamRequestUnsubscribe,
  FetchStreamRequestUnsubscribeInit,
  FetchStreamResponse,
  FetchStreamResponseBatches,
  FetchStreamResponseBatchesInit,
  FetchStreamResponseHeartbeat,
  FetchStreamResponseHeartbeatInit,
  FetchStreamResponseInit,
  FetchStreamResponseStarted,
  FetchStreamResponseStartedInit,
  ListOffsetsRequest,
  ListOffsetsRequestInit,
  ListOffsetsResponse,
  ListOffsetsResponseInit,
  ListOffsetsResponsePartitionOffset,
  ListOffsetsResponsePartitionOffsetInit,
  StartPosition,
  StartPositionEdge,
  StartPositionInit,
} from "./generated/fetch-service.ts";
export { topicService } from "./generated/topic-service.ts";
export type {
  CreatePartitionsRequest,
  CreatePartitionsRequestInit,
  CreatePartitionsResponse,
  CreatePartitionsResponseInit,
  CreateTopicRequest,
  CreateTopicRequestInit,
  CreateTopicResponse,
  CreateTopicResponseInit,
  DeleteRecordsRequest,
  DeleteRecordsRequestInit,
  DeleteRecordsRequestPartitionOffset,
  DeleteRecordsRequestPartitionOffsetInit,
  DeleteRecordsResponse,
  DeleteRecordsResponseInit,
  DeleteRecordsResponsePartitionStart,
  DeleteRecordsResponsePartitionStartInit,
  DeleteTopicRequest,
  DeleteTopicRequestInit,
  DeleteTopicResponse,
  DeleteTopicResponseInit,
  DescribeTopicRequest,
  DescribeTopicRequestInit,
  DescribeTopicResponse,
  DescribeTopicResponseInit,
  ListTopicsRequest,
  ListTopicsRequestInit,
  ListTopicsResponse,
  ListTopicsResponseInit,
  PartitionDescription,
  PartitionDescriptionInit,
  TopicDescription,
  TopicDescriptionInit,
  TopicSummary,
  TopicSummaryInit,
} from "./generated/topic-service.ts";
export { partitionService } from "./generated/partition-service.ts";
export type {
  AlterReplicationFactorRequest,
  AlterReplicationFactorResponseInit,
  CancelReassignmentsRequest,
  CancelReassignmentsRequestInit,
  CancelReassignmentsResponse,
  CancelReassignmentsResponseInit,
  ListReassignmentsRequest,
  ListReassignmentsRequestInit,
  ListReassignmentsResponse,
  ListReassignmentsResponseInit,
  ListReassignmentsResponseReassignment,
  ListReassignmentsResponseReassignmentInit,
  ListReassignmentsResponseState,
  PartitionReplicas,
  PartitionReplicasInit,
  ReassignPartitionsRequest,
  ReassignPartitionsRequestInit,
  ReassignPartitionsResponse,
  ReassignPartitionsResponseInit,
  ReassignPartitionsResponsePlannedReassignment,
  ReassignPartitionsResponsePlannedReassignmentInit,
} from "./generated/partition-service.ts";
export { groupService } from "./generated/group-service.ts";
export type {
  CommitOffsetsRequest,
  CommitOffsetsRequestInit,
  CommitOffsetsResponse,
  CommitOffsetsResponseInit,
  CommittedOffset,
  CommittedOffsetInit,
  DescribeGroupRequest,
  DescribeGroupRequestInit,
  DescribeGroupResponse,
  DescribeGroupResponseInit,
  FetchOffsetsRequest,
  FetchOffsetsRequestInit,
  FetchOffsetsResponse,
  FetchOffsetsResponseInit,
  GroupMember,
  GroupMemberInit,
  GroupOffset,
  GroupOffsetInit,
  GroupState,
  GroupSummary,
  GroupSummaryInit,
  HeartbeatRequest,
  HeartbeatRequestInit,
  HeartbeatResponse,
  HeartbeatResponseInit,
  ListGroupsRequest,
  ListGroupsRequestInit,
  ListGroupsResponse,
  ListGroupsResponseInit,
  TopicPartitions,
  TopicPartitionsInit,
} from "./generated/group-service.ts";
export { brokerHealthService } from "./generated/broker-health-service.ts";
export type {
  DescribeBrokerHealthRequest,
  DescribeBrokerHealthRequestInit,
  DescribeBrokerHealthResponse,
  DescribeBrokerHealthResponseInit,
  DescribeBrokerHealthResponseUnderReplicatedPartition,
  DescribeBrokerHealthResponseUnderReplicatedPartitionInit,
  DiskState,
} from "./generated/broker-health-service.ts";
export { clusterService } from "./generated/cluster-service.ts";
export type {
  BrokerDescription,
  BrokerDescriptionInit,
  BrokerState,
  ControllerRole,
  DecommissionBrokerRequest,
  DecommissionBrokerRequestInit,
  DecommissionBrokerResponse,
  DecommissionBrokerResponseInit,
  DescribeClusterRequest,
  DescribeClusterRequestInit,
  DescribeClusterResponse,
  DescribeClusterResponseInit,
  DescribeClusterResponseLeaderlessPartition,
  DescribeClusterResponseLeaderlessPartitionInit,
  DrainBrokerRequest,
  DrainBrokerRequestInit,
  DrainBrokerResponse,
  DrainBrokerResponseInit,
  GetMetadataRequest,
  GetMetadataRequestInit,
  GetMetadataResponse,
  GetMetadataResponseInit,
  UndrainBrokerRequest,
  UndrainBrokerRequestInit,
  UndrainBrokerResponse,
  UndrainBrokerResponseInit,
  UpgradeFeatureLevelRequest,
} from "./generated/cluster-service.ts";
export { configService } from "./generated/config-service.ts";
export type {
  AlterConfigsRequest,
  AlterConfigsRequestInit,
  AlterConfigsResponse,
  AlterConfigsResponseInit,
  ConfigAlteration,
  ConfigAlterationInit,
  ConfigDescription,
  ConfigDescriptionInit,
  ConfigOperation,
  ConfigResourceType,
  ConfigSource,
  ConfigSupport,
  ConfigType,
  DescribeConfigsRequest,
  DescribeConfigsRequestInit,
  DescribeConfigsResponse,
  DescribeConfigsResponseInit,
} from "./generated/config-service.ts";

// gRPC's own services: health and reflection.
export { FileDescriptors } from "./file-descriptors.ts";
export type { FileDescriptor } from "./file-descriptors.ts";
export { healthService } from "./generated/grpc-health-v1-health.ts";
export type {
  HealthCheckRequest,
  HealthCheckRequestInit,
  HealthCheckResponse,
  HealthCheckResponseInit,
  HealthCheckResponseServingStatus,
  HealthListRequest,
  HealthListRequestInit,
  HealthListResponse,
  HealthListResponseInit,
} from "./generated/grpc-health-v1-health.ts";
export { serverReflectionService } from "./generated/grpc-reflection-v1-reflection.ts";
export { serverReflectionService as serverReflectionV1AlphaService } from "./generated/grpc-reflection-v1alpha-reflection.ts";
export type {
  ServerReflectionRequest,
  ServerReflectionResponse,
  ServerReflectionResponseInit,
} from "./generated/grpc-reflection-v1-reflection.ts";

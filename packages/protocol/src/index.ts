// Failures.
export { errorCodes, errorTraits } from "./error-code.ts";
export type { ErrorCode, ErrorTraits, Outcome } from "./error-code.ts";
export { RopewalkError } from "./ropewalk-error.ts";
export type { RopewalkErrorDetails } from "./ropewalk-error.ts";

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

// Record batches.
export {
  batchAttributeMasks,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchBytes,
  batchCodec,
  batchCrc,
  batchHeaderBytes,
  batchLastOffset,
  batchLastOffsetDelta,
  batchLastSequence,
  batchLeaderEpoch,
  recordBatchMagic,
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
} from "./record-batch-header.ts";
export type { CompressionCodec } from "./record-batch-header.ts";
export { batchFaultError, validateBatch } from "./validate-batch.ts";
export type { BatchFault, BatchFaultReason, BatchLimits } from "./validate-batch.ts";

// The messages and services of ropewalk.v1, generated from proto/.
export type { GrpcMethod } from "./grpc-method.ts";
export { PayloadMessage } from "./payload-message.ts";
export type { BytesPieces } from "./payload-message.ts";
export type { ProtoError, ProtoErrorInit } from "./generated/error.ts";
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
  CreateTopicRequest,
  CreateTopicRequestInit,
  CreateTopicResponse,
  CreateTopicResponseInit,
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
export { clusterService } from "./generated/cluster-service.ts";
export type {
  BrokerDescription,
  BrokerDescriptionInit,
  DescribeClusterRequest,
  DescribeClusterRequestInit,
  DescribeClusterResponse,
  DescribeClusterResponseInit,
  DescribeClusterResponseLeaderlessPartition,
  DescribeClusterResponseLeaderlessPartitionInit,
  GetMetadataRequest,
  GetMetadataRequestInit,
  GetMetadataResponse,
  GetMetadataResponseInit,
} from "./generated/cluster-service.ts";

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

// Failures.
export { errorCodes, errorTraits } from "./error-code.ts";
export type { ErrorCode, ErrorTraits, Outcome } from "./error-code.ts";
export { RopewalkError } from "./ropewalk-error.ts";
export type { RopewalkErrorDetails } from "./ropewalk-error.ts";

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

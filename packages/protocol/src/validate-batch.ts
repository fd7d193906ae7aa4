import { crc32c } from "./crc32c.ts";
import type { ErrorCode } from "./error-code.ts";
import {
  batchAttributeMasks,
  batchAttributes,
  batchBaseSequence,
  batchBaseTimestamp,
  batchBytes,
  batchCodec,
  batchCrc,
  batchCrcStart,
  batchHeaderBytes,
  batchLastOffsetDelta,
  recordBatchMagic,
  batchMagic,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
} from "./record-batch-header.ts";
import { RopewalkError } from "./ropewalk-error.ts";

/** What can be wrong with bytes that should be one record batch. */
export type BatchFaultReason =
  | "TOO_SHORT"
  | "LENGTH_MISMATCH"
  | "TOO_LARGE"
  | "MAGIC"
  | "CRC_MISMATCH"
  | "CODEC"
  | "ATTRIBUTES"
  | "RECORD_COUNT"
  | "TIMESTAMP"
  | "PRODUCER";

/** Why a batch is refused. */
export interface BatchFault {
  readonly reason: BatchFaultReason;
  /** What the producer is told. */
  readonly code: ErrorCode;
  /** The values that are wrong, for people. */
  readonly message: string;
}

/** What {@link validateBatch} is to accept. */
export interface BatchLimits {
  /** The largest batch that is accepted, header included. */
  readonly batchBytesMax: number;
}

/** The smallest record: six one-byte fields behind a one-byte length. */
const recordBytesMin = 7;

/**
 * Checks bytes from a client: that they are exactly one record batch v2, whole and undamaged, of an
 * allowed size, with fields that agree with each other, and without the bits that only brokers set.
 * Reads the header and computes one CRC; the records stay as they are and are not looked into.
 */
export function validateBatch(bytes: Uint8Array, limits: BatchLimits): BatchFault | undefined {
  return (
    extentFault(bytes, limits.batchBytesMax) ??
    crcFault(bytes) ??
    attributesFault(bytes) ??
    recordCountFault(bytes) ??
    timestampFault(bytes) ??
    producerFault(bytes)
  );
}

/** The error that a refused batch is answered with. */
export function batchFaultError(fault: BatchFault): RopewalkError {
  return new RopewalkError(fault.code, `The record batch was refused: ${fault.message}.`);
}

function extentFault(bytes: Uint8Array, batchBytesMax: number): BatchFault | undefined {
  if (bytes.length > batchBytesMax) {
    const message = `it is ${bytes.length} bytes large, ${batchBytesMax} are allowed`;
    return { reason: "TOO_LARGE", code: "MESSAGE_TOO_LARGE", message };
  }
  if (bytes.length < batchHeaderBytes) {
    return corrupt("TOO_SHORT", `${bytes.length} bytes are less than a header`);
  }
  const magic = batchMagic(bytes);
  if (magic !== recordBatchMagic) {
    return invalid(
      "MAGIC",
      `its format has the version ${magic}, only ${recordBatchMagic} is known`,
    );
  }
  const ownBytes = batchBytes(bytes);
  if (ownBytes !== bytes.length) {
    return corrupt("LENGTH_MISMATCH", `it says ${ownBytes} bytes, ${bytes.length} came`);
  }
  return undefined;
}

function crcFault(bytes: Uint8Array): BatchFault | undefined {
  const computed = crc32c(bytes, batchCrcStart, bytes.length);
  const stored = batchCrc(bytes);
  if (computed === stored) return undefined;
  return corrupt("CRC_MISMATCH", `its checksum is ${hex(stored)}, its bytes have ${hex(computed)}`);
}

function attributesFault(bytes: Uint8Array): BatchFault | undefined {
  const attributes = batchAttributes(bytes);
  if (batchCodec(bytes) === undefined) {
    return invalid(
      "CODEC",
      `no codec has the number ${attributes & batchAttributeMasks.codecMask}`,
    );
  }
  const brokersOnly =
    batchAttributeMasks.control |
    batchAttributeMasks.logAppendTime |
    batchAttributeMasks.deleteHorizon |
    batchAttributeMasks.reservedMask;
  if ((attributes & brokersOnly) === 0) return undefined;
  return invalid(
    "ATTRIBUTES",
    `its attributes ${hex(attributes)} have bits that clients may not set`,
  );
}

function recordCountFault(bytes: Uint8Array): BatchFault | undefined {
  const count = batchRecordCount(bytes);
  const lastOffsetDelta = batchLastOffsetDelta(bytes);
  if (count < 1 || lastOffsetDelta !== count - 1) {
    return invalid(
      "RECORD_COUNT",
      `${count} records and a last offset delta of ${lastOffsetDelta}`,
    );
  }
  const recordsBytes = bytes.length - batchHeaderBytes;
  if (batchCodec(bytes) === "none" && recordsBytes < count * recordBytesMin) {
    return invalid("RECORD_COUNT", `${count} records do not fit into ${recordsBytes} bytes`);
  }
  return undefined;
}

function timestampFault(bytes: Uint8Array): BatchFault | undefined {
  const base = batchBaseTimestamp(bytes);
  const max = batchMaxTimestamp(bytes);
  if (isTimestamp(base) && isTimestamp(max)) return undefined;
  return invalid("TIMESTAMP", `base timestamp ${base}, largest timestamp ${max}`);
}

function isTimestamp(value: number): boolean {
  return Number.isSafeInteger(value) && value >= -1;
}

function producerFault(bytes: Uint8Array): BatchFault | undefined {
  const id = batchProducerId(bytes);
  const epoch = batchProducerEpoch(bytes);
  const sequence = batchBaseSequence(bytes);
  const transactional = (batchAttributes(bytes) & batchAttributeMasks.transactional) !== 0;
  // Some clients leave epoch and sequence at zero where there is no producer id.
  const anonymous = id === -1 && !transactional;
  const identified = Number.isSafeInteger(id) && id >= 0 && epoch >= 0 && sequence >= 0;
  if (anonymous || identified) return undefined;
  const fields = `producer id ${id}, epoch ${epoch}, base sequence ${sequence}`;
  return invalid("PRODUCER", transactional ? `transactional, but ${fields}` : fields);
}

function corrupt(reason: BatchFaultReason, message: string): BatchFault {
  return { reason, code: "CORRUPT_MESSAGE", message };
}

function invalid(reason: BatchFaultReason, message: string): BatchFault {
  return { reason, code: "INVALID_RECORD", message };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

import { type ErrorCode, RopewalkError } from "@ropewalk/protocol";

/**
 * Why storage failed:
 *
 * - `STORAGE_FAILED`: a write or sync failed; the store takes no more appends until it is reopened.
 * - `STORE_CLOSED`: the store was closed.
 * - `DIRECTORY_LOCKED`: another process has the directory open.
 * - `DIRECTORY_MISMATCH`: the files belong to another broker directory.
 * - `JOURNAL_MISSING`: there is no journal in the directory that was to be read.
 * - `FORMAT_UNSUPPORTED`: a file was written by a newer version.
 * - `DATA_DAMAGED`: stored bytes are not what was written.
 * - `READ_FAILED`: the disk could not be read.
 * - `GROUP_DELETED`: the group is gone.
 */
export type LogErrorReason =
  | "STORAGE_FAILED"
  | "STORE_CLOSED"
  | "DIRECTORY_LOCKED"
  | "DIRECTORY_MISMATCH"
  | "JOURNAL_MISSING"
  | "FORMAT_UNSUPPORTED"
  | "DATA_DAMAGED"
  | "READ_FAILED"
  | "GROUP_DELETED";

const codes: Readonly<Record<LogErrorReason, ErrorCode>> = {
  STORAGE_FAILED: "STORAGE_ERROR",
  STORE_CLOSED: "STORAGE_ERROR",
  DIRECTORY_LOCKED: "STORAGE_ERROR",
  DIRECTORY_MISMATCH: "STORAGE_ERROR",
  JOURNAL_MISSING: "STORAGE_ERROR",
  FORMAT_UNSUPPORTED: "STORAGE_ERROR",
  DATA_DAMAGED: "CORRUPT_MESSAGE",
  READ_FAILED: "STORAGE_ERROR",
  GROUP_DELETED: "UNKNOWN_TOPIC_OR_PARTITION",
};

/** A failure of a broker's storage. Branch on `reason`; `code` is what a client is told. */
export class LogError extends RopewalkError {
  override readonly name = "LogError";
  readonly reason: LogErrorReason;

  constructor(reason: LogErrorReason, message: string, cause?: unknown) {
    super(codes[reason], message, { cause });
    this.reason = reason;
  }
}

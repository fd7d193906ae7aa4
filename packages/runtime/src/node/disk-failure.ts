import { DiskError } from "../disk.ts";
import type { DiskErrorCode } from "../disk.ts";
import { errnoOf } from "./errno.ts";

const CODE_OF_ERRNO: Readonly<Record<string, DiskErrorCode>> = {
  ENOENT: "NOT_FOUND",
  ENOTDIR: "NOT_FOUND",
  EEXIST: "EXISTS",
  ENOSPC: "FULL",
  EDQUOT: "FULL",
};

/**
 * What failed when the disk was asked to do `action` ("write 512 bytes at 0 of /data/x"). `code`
 * overrides what the system's error number stands for.
 */
export function diskFailure(action: string, cause: unknown, code?: DiskErrorCode): DiskError {
  const errno = errnoOf(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DiskError(code ?? CODE_OF_ERRNO[errno ?? ""] ?? "IO", `Cannot ${action}: ${reason}`, {
    cause,
  });
}

/** Waits for `operation`, and rejects with a DiskError that names `action` where it fails. */
export async function diskCall<T>(action: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw diskFailure(action, error);
  }
}

import { type Disk, DiskError, type DiskLock } from "@ropewalk/runtime";
import { LogError } from "./log-error.ts";

/** Takes a log's directory, or rejects with DIRECTORY_LOCKED, naming who has it. */
export async function lockLogDirectory(
  disk: Disk,
  directory: string,
  owner: string,
): Promise<DiskLock> {
  try {
    return await disk.lockDirectory(directory, owner);
  } catch (cause) {
    if (!(cause instanceof DiskError) || cause.code !== "LOCKED") throw cause;
    throw new LogError("DIRECTORY_LOCKED", `Cannot open ${directory}: ${cause.message}`, cause);
  }
}

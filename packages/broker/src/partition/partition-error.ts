import { RopewalkError } from "@ropewalk/protocol";

/** More waits for a majority of the replicas than may. */
export function busyError(name: string, action: string): RopewalkError {
  return new RopewalkError(
    "BUSY",
    `Cannot ${action} ${name}: too much waits for a majority of its replicas`,
  );
}

/** Nobody here will hear whether the start of the partition moved. */
export function unknownCutError(name: string): RopewalkError {
  return new RopewalkError(
    "UNKNOWN_OUTCOME",
    `Cannot say whether records of ${name} were deleted: this broker stopped leading it meanwhile`,
  );
}

/** A majority has not acknowledged in time that the start of the partition moves; it may do so yet. */
export function lateCutError(name: string, timeoutMs: number | undefined): RopewalkError {
  return new RopewalkError(
    "REQUEST_TIMED_OUT",
    `Cannot say whether records of ${name} were deleted: a majority of its replicas did not acknowledge that within ${Math.round(timeoutMs ?? 0)} ms`,
  );
}

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

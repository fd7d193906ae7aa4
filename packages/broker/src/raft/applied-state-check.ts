import type { GroupLog } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { StateMachine } from "./state-machine.ts";

/** What of a log says where it begins and ends. */
type LogBounds = Pick<GroupLog, "firstIndex" | "key" | "lastIndex">;

/**
 * Throws STORAGE_ERROR where a state machine was restored from something else than this log: what was applied is in the log,
 * or the log is not the one that it was applied from; and what comes next is in the log, too.
 */
export function expectBehindLog(
  log: LogBounds,
  { restoredIndex }: Pick<StateMachine, "restoredIndex">,
): void {
  if (restoredIndex < log.firstIndex() - 1) {
    throw new RopewalkError(
      "STORAGE_ERROR",
      `Cannot start group ${log.key.groupId}: entries up to ${restoredIndex} were applied, but its log begins at ${log.firstIndex()}, and there is no image of what led there`,
    );
  }
  if (restoredIndex <= log.lastIndex()) return;
  throw new RopewalkError(
    "STORAGE_ERROR",
    `Cannot start group ${log.key.groupId}: entries up to ${restoredIndex} were applied, but its log ends at ${log.lastIndex()}; entries were lost, so this broker must not vote`,
  );
}

import type { Clock, Disk, Logger } from "@ropewalk/runtime";
import type { DestageStatistics } from "./destage/destager.ts";
import type { GroupLog } from "./group-log.ts";
import type { JournalStatistics } from "./journal/journal.ts";
import type { LogConfig } from "./log-config.ts";
import type { HardState, LogEntry } from "./log-entry.ts";
import type { LogError } from "./log-error.ts";
import type { ScrubStatistics } from "./scrubber.ts";

/** What one group must make durable in one step: wholly or not at all. */
export interface GroupWrite {
  readonly group: GroupLog;
  /** The new hard state; `undefined` leaves it as it is. */
  readonly hardState: HardState | undefined;
  /** Consecutive entries that replace everything from the first one's index on. The store keeps their data. */
  readonly entries: readonly LogEntry[];
}

/** Where and how to open a store. */
export interface LogStoreOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly config?: Partial<LogConfig> | undefined;
  /** The UUID of the broker's directory: files of another one are refused. Absent: whatever the files carry. */
  readonly directoryId?: string | undefined;
  /** The disk failed for good, perhaps while nobody waited for it: told once. */
  readonly onFailed?: ((error: LogError) => void) | undefined;
  /** Stored bytes of a group that nobody had asked for are not what was written. */
  readonly onDamaged?: ((group: GroupLog, error: LogError) => void) | undefined;
}

/** What a store has done since it was opened, and what it holds. */
export interface LogStatistics extends JournalStatistics, DestageStatistics, ScrubStatistics {
  /** The cache of recent entries, at most `cacheBytesMax` and what is not durable yet. */
  readonly cachedBytes: number;
}

/** How a group's history is kept. */
export interface GroupSettings {
  readonly segmentBytesMax: number;
  readonly segmentMsMax: number;
}

// The store and the logs in it.
export { LogStore } from "./log-store.ts";
export type { GroupSettings, GroupWrite, LogStatistics, LogStoreOptions } from "./store-options.ts";
export type { HistoryCut } from "./history-store.ts";
export type { GroupLog } from "./group-log.ts";
export { groupName } from "./log-entry.ts";
export type { GroupKey, HardState, LogEntry } from "./log-entry.ts";

// History: what retention looks at, and what a broker gets that lacks it.
export type { SegmentView } from "./segment/segment-history.ts";
export type { FetchSegment } from "./snapshot/segment-copy.ts";
export { decodeSnapshotManifest, encodeSnapshotManifest } from "./snapshot/snapshot-manifest.ts";
export type { SnapshotManifest } from "./snapshot/snapshot-manifest.ts";

// Compaction.
export type { CompactionConfig } from "./compaction/compaction-policy.ts";
export type { CompactionOutcome, CompactionRequest } from "./compaction/compactor.ts";

// Bounds and failures.
export { defaultLogConfig } from "./log-config.ts";
export type { LogConfig } from "./log-config.ts";
export { LogError } from "./log-error.ts";
export type { LogErrorReason } from "./log-error.ts";

// Looking into a log without opening it.
export { inspectLog } from "./inspect/inspect-log.ts";
export type { InspectionOptions } from "./inspect/inspect-log.ts";
export type {
  EntryInspection,
  FileInspection,
  GroupInspection,
  LogFault,
  LogInspection,
  NamedPosition,
} from "./inspect/log-inspection.ts";

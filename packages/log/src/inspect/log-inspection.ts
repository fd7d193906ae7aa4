import type { HardState, LogEntry } from "../log-entry.ts";

/** A place in the journal, for people. */
export interface NamedPosition {
  readonly file: string;
  readonly position: number;
}

/** One file of the journal. */
export interface FileInspection {
  readonly name: string;
  /** "prepared" holds no records that count: it waits to be written (again). */
  readonly state: "written" | "prepared";
  readonly sizeBytes: number;
  /** Header and records; what follows was only written ahead, or is torn. */
  readonly usedBytes: number;
  readonly recordCount: number;
  /** Among the records: ends of groups, and marks of the journal's end. */
  readonly tombstoneCount: number;
  readonly markCount: number;
  readonly entryCount: number;
  /** Groups with a record here, deleted ones included. */
  readonly groupCount: number;
}

/** One segment of a group. */
export interface SegmentInspection {
  readonly name: string;
  readonly group: string;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly chunkCount: number;
  readonly sizeBytes: number;
  readonly isSealed: boolean;
  readonly isCompacted: boolean;
}

/** One copy of a checkpoint. */
export interface CheckpointInspection {
  readonly name: string;
  readonly state: "sound" | "damaged" | "missing";
  /** The newest sound number counts; `undefined` where the copy is not sound. */
  readonly number: number | undefined;
}

/** One group, as a broker would recover it. */
export interface GroupInspection {
  readonly group: string;
  readonly hardState: HardState;
  readonly firstIndex: number;
  /** `firstIndex - 1` when there are no entries. */
  readonly lastIndex: number;
  readonly startOffset: number;
  readonly endOffset: number;
  /** Segments, and the entries that are still in the journal. */
  readonly segmentCount: number;
  readonly journalEntryCount: number;
  /** Stored bytes of segments and of the entries in the journal. */
  readonly dataBytes: number;
  /** Why a broker would not use it. */
  readonly quarantined: string | undefined;
}

/** One entry, and where its data is. Offsets are [baseOffset, endOffset): empty unless it is a batch. */
export interface EntryInspection extends NamedPosition {
  readonly index: number;
  readonly term: number;
  readonly type: LogEntry["type"];
  readonly dataBytes: number;
  readonly baseOffset: number;
  readonly endOffset: number;
}

/** Something that is not as it was written. Positions are bytes in the file: [position, endPosition). */
export interface LogFault extends NamedPosition {
  readonly endPosition: number;
  /** Whose it was and which entry, where that can be told. */
  readonly group: string | undefined;
  readonly index: number | undefined;
  readonly what: string;
}

/** Everything that can be said of a log without changing it. */
export interface LogInspection {
  readonly directory: string;
  /** The UUID of the broker's directory, without hyphens. */
  readonly directoryId: string;
  readonly files: readonly FileInspection[];
  readonly checkpoints: readonly CheckpointInspection[];
  readonly segments: readonly SegmentInspection[];
  readonly groups: readonly GroupInspection[];
  /** Where the journal says that it was durable, and where its records end. */
  readonly durableTo: NamedPosition | undefined;
  readonly end: NamedPosition | undefined;
  /** Files that nothing names: never finished, or not needed any more. The next start removes them. */
  readonly unfinishedFiles: readonly string[];
  /** Empty in a sound log. */
  readonly faults: readonly LogFault[];
  /** Only where they were asked for. */
  readonly entries: readonly EntryInspection[] | undefined;
}

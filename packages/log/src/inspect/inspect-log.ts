import type { Disk, DiskLock, Logger } from "@ropewalk/runtime";
import { lockLogDirectory } from "../directory-lock.ts";
import type { Checkpoint } from "../checkpoint/checkpoint-codec.ts";
import { type CheckpointCopy, copyNamesOf } from "../checkpoint/checkpoint-files.ts";
import { findStore, type FoundStore } from "../found-store.ts";
import type { GroupState } from "../group-state.ts";
import { isUnfinishedFileName, sequenceOfFileName } from "../journal/file-header.ts";
import { InspectionBuilder } from "./inspection-builder.ts";
import { JournalExamination } from "../journal/journal-examination.ts";
import { isGap } from "../journal/replay.ts";
import type { GroupKey } from "../log-entry.ts";
import { LogError } from "../log-error.ts";
import type {
  CheckpointInspection,
  GroupInspection,
  LogFault,
  LogInspection,
} from "./log-inspection.ts";
import { inspectSegments } from "./segment-inspection.ts";

/** Which directory to inspect. */
export interface InspectionOptions {
  readonly disk: Disk;
  readonly directory: string;
  /** List the entries of this group, too. */
  readonly entriesOf?: GroupKey | undefined;
}

const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

/** Is there where a store was opened; a copy without it is nobody's. */
const lockFileName = "LOCK";

/**
 * Reads all of a log, checks every checksum, and says what is there and what is damaged. Changes
 * nothing that belongs to the log. Where a broker could have the directory open, it is locked
 * meanwhile. Rejects with DIRECTORY_LOCKED, JOURNAL_MISSING, FORMAT_UNSUPPORTED, DIRECTORY_MISMATCH,
 * or the disk's error.
 */
export async function inspectLog(options: InspectionOptions): Promise<LogInspection> {
  const { directory, disk } = options;
  let lock: DiskLock | undefined;
  if (await disk.exists(disk.join(directory, lockFileName))) {
    lock = await lockLogDirectory(disk, directory, "ropewalk log inspect");
  }
  try {
    return await inspect(options);
  } finally {
    await lock?.release();
  }
}

async function inspect({ directory, disk, entriesOf }: InspectionOptions): Promise<LogInspection> {
  const names = await disk.list(directory);
  if (!names.some((name) => sequenceOfFileName(name) !== undefined)) {
    throw new LogError("JOURNAL_MISSING", `Cannot inspect ${directory}: it holds no journal`);
  }
  const found = await findStore(disk, directory, undefined, silentLogger);
  const { checkpoint, copies, durableTo, replay, startSequence } = found;
  const builder = new InspectionBuilder();
  const directoryId = checkpoint?.directoryId;
  const examination = new JournalExamination({
    disk,
    directory,
    logger: silentLogger,
    directoryId,
    access: "read",
    replay,
    startSequence,
    durableTo,
    observer: builder,
  });
  try {
    await examination.run();
    // The first records of a deleted group may be gone, and the checkpoint knows it no more: nothing is missing.
    const isOver = ({ group, what }: LogFault): boolean =>
      group !== undefined && replay.deleted.has(group) && isGap(what);
    const journal = builder.build(examination, replay, entriesOf);
    const segments = await inspectSegments(disk, directory, [...replay.groups.values()]);
    return {
      directory,
      ...journal,
      checkpoints: copies.map((copy) => inspectCopy(copy)),
      segments: segments.segments,
      groups: [...replay.groups.values()].map(inspectGroup),
      unfinishedFiles: [...names.filter(isUnfinishedFileName), ...found.unnamedFiles],
      faults: [
        ...checkpointFaults(found),
        ...journal.faults.filter((fault) => !isOver(fault)),
        ...segments.faults,
      ],
    };
  } finally {
    await examination.close();
  }
}

function inspectCopy({ checkpoint, name, state }: CheckpointCopy): CheckpointInspection {
  return { name, state, number: checkpoint?.number };
}

/**
 * Copies that should be sound. Those of the checkpoint before the newest mean nothing any more: the power may have gone
 * while one was written over.
 */
function checkpointFaults({ checkpoint, copies, replay }: FoundStore): LogFault[] {
  const faults: LogFault[] = [];
  const fault = { position: 0, endPosition: 0, group: undefined, index: undefined };
  for (const { name, state } of copies) {
    if (state !== "damaged" || !isCopyOf(name, checkpoint)) continue;
    faults.push({ ...fault, file: name, what: "the checkpoint is not what was written" });
  }
  if (checkpoint === undefined && replay.damage !== undefined && faults.length === 0) {
    faults.push({ ...fault, file: "checkpoint-0a", what: "the checkpoint is gone" });
  }
  return faults;
}

/** Whether a copy of this name is one of the checkpoint that counts, or there is none. */
function isCopyOf(name: string, checkpoint: Checkpoint | undefined): boolean {
  return checkpoint === undefined || copyNamesOf(checkpoint.number).includes(name);
}

function inspectGroup(state: GroupState): GroupInspection {
  const { hardState, index, name, quarantined, raftFirstIndex, segments, startOffset } = state;
  let dataBytes = 0;
  for (const { chunksEnd } of segments) dataBytes += chunksEnd;
  for (let at = index.firstIndex; at <= index.lastIndex; at++) dataBytes += index.dataBytes(at);
  return {
    group: name,
    hardState,
    firstIndex: raftFirstIndex,
    lastIndex: index.lastIndex,
    startOffset: Math.max(startOffset, segments[0]?.baseOffset ?? index.movedOffset),
    endOffset: index.endOffset,
    segmentCount: segments.length,
    journalEntryCount: index.lastIndex - index.movedIndex,
    dataBytes,
    quarantined: quarantined?.message,
  };
}

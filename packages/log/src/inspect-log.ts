import type { Disk, DiskLock, Logger } from "@ropewalk/runtime";
import { lockLogDirectory } from "./directory-lock.ts";
import { isUnfinishedFileName } from "./file-header.ts";
import { InspectionBuilder } from "./inspection-builder.ts";
import { JournalExamination } from "./journal-examination.ts";
import type { GroupKey } from "./log-entry.ts";
import { LogError } from "./log-error.ts";
import type { LogInspection } from "./log-inspection.ts";

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
  const builder = new InspectionBuilder();
  const examination = new JournalExamination({
    disk,
    directory,
    logger: silentLogger,
    directoryId: undefined,
    access: "read",
    observer: builder,
  });
  try {
    await examination.run();
    if (examination.found.size === 0) {
      throw new LogError("JOURNAL_MISSING", `Cannot inspect ${directory}: it holds no journal`);
    }
    const unfinishedFiles = (await disk.list(directory)).filter(isUnfinishedFileName);
    return { directory, unfinishedFiles, ...(await builder.build(examination, entriesOf)) };
  } finally {
    await examination.close();
  }
}

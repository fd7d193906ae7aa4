import assert from "node:assert/strict";
import type { Disk, Logger } from "@ropewalk/runtime";
import { directoryIdBytes, fileHeaderBytes, isUnfinishedFileName } from "./file-header.ts";
import { type FoundFile, JournalExamination } from "./journal-examination.ts";
import type { JournalFile } from "./journal-file.ts";
import type { JournalPosition } from "./journal-record.ts";
import type { Replay } from "./replay.ts";
import { ScanWindow } from "./scan-window.ts";

/** Where to recover from. */
export interface RecoveryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  /** The id the files must carry; `undefined` accepts what they do carry. */
  readonly directoryId: Uint8Array | undefined;
  /** Takes the records; it knows what the checkpoint says. */
  readonly replay: Replay;
  readonly startSequence: number;
  readonly durableTo: JournalPosition;
}

/** What recovery found, made durable. */
export interface RecoveredJournal {
  readonly files: ReadonlyMap<number, JournalFile>;
  /** Files whose records nobody needs. */
  readonly freeFiles: readonly JournalFile[];
  readonly directoryId: Uint8Array;
  /** Where the records end. */
  readonly end: JournalPosition;
}

/**
 * Opens a journal for writing: examines it, and makes durable what was read. What is damaged or torn is
 * left alone: the journal goes on in a new file, which says where this one ends.
 */
export async function recoverJournal(options: RecoveryOptions): Promise<RecoveredJournal> {
  await removeUnfinishedFiles(options);
  const examination = new JournalExamination({ ...options, access: "read-write" });
  try {
    await examination.run();
    const { found, free, lastUsed, tail } = examination;
    const last = found.get(lastUsed);
    const end = tail ?? { sequence: lastUsed, position: last?.sizeBytes ?? fileHeaderBytes };
    if (last !== undefined) await rewriteUnproven(examination, last, end.position);
    // Files that were only prepared hold nothing.
    const used = [...found].filter(([sequence]) => sequence <= lastUsed);
    const unused = [...found].filter(([sequence]) => sequence > lastUsed);
    return {
      files: new Map(used.map(([sequence, { file }]) => [sequence, file])),
      freeFiles: [...free, ...unused.map(([, file]) => file)].map(({ file }) => file),
      directoryId: examination.directoryId ?? new Uint8Array(directoryIdBytes),
      end,
    };
  } catch (error) {
    await examination.close();
    throw error;
  }
}

// They never got their names, so they hold nothing.
async function removeUnfinishedFiles({ disk, directory }: RecoveryOptions): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (isUnfinishedFileName(name)) await disk.remove(disk.join(directory, name));
  }
}

// Pages that a failed sync marked clean are written again: a read alone proves nothing about the disk.
async function rewriteUnproven(
  { floor }: JournalExamination,
  { file, sizeBytes }: FoundFile,
  end: number,
): Promise<void> {
  const window = new ScanWindow(file, sizeBytes);
  const durable = floor.sequence === file.sequence ? floor.position : fileHeaderBytes;
  for (let at = Math.max(durable, fileHeaderBytes); at < end;) {
    const bytes = await window.someAt(at, 1);
    assert(bytes.length > 0, `${file.path} became shorter than ${sizeBytes} bytes`);
    const piece = bytes.subarray(0, end - at);
    await file.write(at, [piece]);
    at += piece.length;
  }
  await file.sync();
}

import assert from "node:assert/strict";
import type { Disk, Logger } from "@ropewalk/runtime";
import {
  directoryIdBytes,
  fileHeaderBytes,
  isUnfinishedFileName,
  journalFileName,
} from "./file-header.ts";
import { type FoundFile, JournalExamination } from "./journal-examination.ts";
import { JournalFile } from "./journal-file.ts";
import type { JournalPosition } from "./journal-record.ts";
import type { Replay } from "./replay.ts";
import { nonZeroEnd, ScanWindow } from "./scan-window.ts";

/** Where to recover from. */
export interface RecoveryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  /** The id the files must carry; `undefined` accepts what they do carry. */
  readonly directoryId: Uint8Array | undefined;
  /** How much of a journal's first file is written with zeros at once. */
  readonly filledBytesAtFirst: number;
  readonly flushBytesMax: number;
}

/** What recovery found, made durable. */
export interface Recovered {
  readonly replay: Replay;
  readonly files: ReadonlyMap<number, JournalFile>;
  readonly directoryId: Uint8Array;
  /** Where the next record goes. */
  readonly end: JournalPosition;
}

/**
 * Opens a journal for writing: examines it, erases a torn end, and makes durable what was read. What
 * is damaged is left alone.
 */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #examination: JournalExamination;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#examination = new JournalExamination({ ...options, access: "read-write" });
  }

  /** Recovers. On failure every file is closed again. */
  async run(): Promise<Recovered> {
    const examination = this.#examination;
    try {
      await this.#removeUnfinishedFiles();
      await examination.run();
      const end = await this.#settleEnd();
      const directoryId = this.#directoryIdOrNone();
      const files = new Map([...examination.found].map(([sequence, { file }]) => [sequence, file]));
      return { replay: examination.replay, files, directoryId, end };
    } catch (error) {
      await examination.close();
      throw error;
    }
  }

  #directoryIdOrNone(): Uint8Array {
    return this.#examination.directoryId ?? new Uint8Array(directoryIdBytes);
  }

  // They never got their names, so they hold nothing.
  async #removeUnfinishedFiles(): Promise<void> {
    const { disk, directory } = this.#options;
    for (const name of await disk.list(directory)) {
      if (isUnfinishedFileName(name)) await disk.remove(disk.join(directory, name));
    }
  }

  /** Makes what was replayed durable and what was not vanish; answers where the journal goes on. */
  async #settleEnd(): Promise<JournalPosition> {
    const { disk, directory } = this.#options;
    const { found, lastUsed, tail } = this.#examination;
    const last = found.get(lastUsed);
    if (last !== undefined && last.flushBytesMax !== undefined) {
      await this.#settleFile(last, tail?.position ?? last.sizeBytes);
    }
    for (const [sequence, { file }] of found) {
      if (sequence > lastUsed) await this.#removeFile(sequence, file);
    }
    await disk.syncDirectory(directory);
    return tail ?? (await this.#startFile(lastUsed + 1));
  }

  // Pages that a failed sync marked clean are written again: a read alone proves nothing about the disk.
  async #settleFile({ file, sizeBytes }: FoundFile, end: number): Promise<void> {
    const window = new ScanWindow(file, sizeBytes);
    const { floor } = this.#examination;
    const durable = floor.sequence === file.sequence ? floor.position : fileHeaderBytes;
    for (let at = Math.max(durable, fileHeaderBytes); at < end;) {
      const bytes = await window.someAt(at, 1);
      assert(bytes.length > 0, `${file.path} became shorter than ${sizeBytes} bytes`);
      const piece = bytes.subarray(0, end - at);
      await file.write(at, [piece]);
      at += piece.length;
    }
    const erasedEnd = await nonZeroEnd(window, end);
    if (erasedEnd > end) {
      this.#options.logger.info("A torn write at the end of the journal was erased.", {
        path: file.path,
        position: end,
        bytes: erasedEnd - end,
      });
      await file.zero(end, erasedEnd);
    }
    await file.sync();
  }

  async #removeFile(sequence: number, file: JournalFile): Promise<void> {
    await file.close();
    this.#examination.found.delete(sequence);
    this.#examination.replay.usage.removeFile(sequence);
    await this.#options.disk.remove(file.path);
  }

  async #startFile(sequence: number): Promise<JournalPosition> {
    const { disk, directory, flushBytesMax, filledBytesAtFirst: filledBytes } = this.#options;
    const directoryId = this.#directoryIdOrNone();
    const file = await JournalFile.create(disk, directory, {
      sequence,
      directoryId,
      flushBytesMax,
      filledBytes,
    });
    const name = journalFileName(sequence, directoryId);
    const sizeBytes = filledBytes;
    const found = { name, isHeaderSound: true, file, sizeBytes, flushBytesMax };
    this.#examination.found.set(sequence, found);
    this.#examination.replay.usage.addFile(sequence);
    return { sequence, position: fileHeaderBytes };
  }
}

import assert from "node:assert/strict";
import type { Disk, Logger } from "@ropewalk/runtime";
import {
  decodeFileHeader,
  directoryIdBytes,
  fileHeaderBytes,
  journalVersion,
  sequenceOfFileName,
} from "./file-header.ts";
import { JournalFile } from "./journal-file.ts";
import { isBefore, type JournalPosition } from "./journal-record.ts";
import { type ScanEvent, scanJournalFile } from "./journal-scan.ts";
import { LogError } from "./log-error.ts";
import { Replay } from "./replay.ts";
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

/** A file that was opened; `flushBytesMax` is `undefined` when its header is damaged. */
interface FoundFile {
  readonly file: JournalFile;
  readonly sizeBytes: number;
  readonly flushBytesMax: number | undefined;
}

/**
 * Reads the whole journal and decides where it ends. What is bad at or after the floor (the highest
 * "durable up to here" that any record carries) is a torn write and is erased; what is bad before it
 * was durable once, is left alone, and costs the groups concerned their service.
 */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #replay = new Replay();
  readonly #found = new Map<number, FoundFile>();
  #directoryId: Uint8Array | undefined;
  #floor: JournalPosition = { sequence: 0, position: 0 };
  /** The last file that holds a record. */
  #lastUsed = 0;
  /** The place of a torn write: nothing from here on counts. */
  #tail: JournalPosition | undefined;
  /** A file ended in zeros here; the next record tells whether that was its end. */
  #blankEnd: { readonly start: JournalPosition; readonly end: number } | undefined;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#directoryId = options.directoryId;
  }

  /** Recovers. On failure every file is closed again. */
  async run(): Promise<Recovered> {
    try {
      await this.#openFiles();
      await this.#findFloor();
      await this.#replayFiles();
      this.#replay.finish();
      const end = await this.#settleEnd();
      const directoryId = this.#directoryIdOrNone();
      const files = new Map([...this.#found].map(([sequence, { file }]) => [sequence, file]));
      return { replay: this.#replay, files, directoryId, end };
    } catch (error) {
      for (const { file } of this.#found.values()) await file.close();
      throw error;
    }
  }

  #directoryIdOrNone(): Uint8Array {
    return this.#directoryId ?? new Uint8Array(directoryIdBytes);
  }

  async #openFiles(): Promise<void> {
    const { disk, directory } = this.#options;
    const sequences: [number, string][] = [];
    for (const name of await disk.list(directory)) {
      if (name.startsWith("journal-") && name.endsWith(".tmp")) {
        await disk.remove(disk.join(directory, name)); // It never got its name, so it holds nothing.
      }
      const sequence = sequenceOfFileName(name);
      if (sequence !== undefined) sequences.push([sequence, name]);
    }
    sequences.sort(([left], [right]) => left - right);
    for (const [sequence, name] of sequences) await this.#openFile(sequence, name);
  }

  async #openFile(sequence: number, name: string): Promise<void> {
    const { disk, directory, logger } = this.#options;
    const path = disk.join(directory, name);
    const diskFile = await disk.open(path, "read-write");
    const sizeBytes = await diskFile.sizeBytes();
    const bytes = Buffer.alloc(fileHeaderBytes);
    const outcome = decodeFileHeader(bytes.subarray(0, await diskFile.read(0, bytes)));
    const salt = outcome.kind === "header" ? outcome.header.salt : 0;
    const file = new JournalFile(sequence, salt, path, diskFile, sizeBytes);
    const isSound = outcome.kind === "header" && outcome.header.sequence === sequence;
    const flushBytesMax = isSound ? outcome.header.flushBytesMax : undefined;
    this.#found.set(sequence, { file, sizeBytes, flushBytesMax });
    this.#replay.usage.addFile(sequence);
    if (outcome.kind === "newer") {
      throw new LogError(
        "FORMAT_UNSUPPORTED",
        `Cannot open ${path}: it has format version ${outcome.version}, this broker knows ${journalVersion}`,
      );
    }
    if (outcome.kind === "header") this.#checkDirectory(path, outcome.header.directoryId);
    if (!isSound) logger.error("The header of a journal file is damaged.", { path });
  }

  #checkDirectory(path: string, found: Uint8Array): void {
    this.#directoryId ??= found;
    if (Buffer.compare(found, this.#directoryId) === 0) return;
    const hex = (id: Uint8Array): string => Buffer.from(id).toString("hex");
    throw new LogError(
      "DIRECTORY_MISMATCH",
      `Cannot open ${path}: it belongs to directory ${hex(found)}, not ${hex(this.#directoryId)}`,
    );
  }

  // Floors only grow, so the last file with a record has the highest. A file whose header is damaged
  // but that was written to counts as used; one with nothing but zeros was only prepared.
  async #findFloor(): Promise<void> {
    for (const [sequence, found] of [...this.#found].reverse()) {
      const { file, sizeBytes, flushBytesMax } = found;
      const window = new ScanWindow(file, sizeBytes);
      if (flushBytesMax !== undefined) {
        const isUsed = await this.#raiseFloor(file, window);
        if (isUsed) this.#lastUsed = Math.max(this.#lastUsed, sequence);
        if (isUsed) return;
      } else if ((await nonZeroEnd(window, fileHeaderBytes)) > fileHeaderBytes) {
        this.#lastUsed = Math.max(this.#lastUsed, sequence);
      } else if (this.#lastUsed === 0) {
        this.#found.set(sequence, { ...found, flushBytesMax: 0 });
      }
    }
  }

  async #raiseFloor(file: JournalFile, window: ScanWindow): Promise<boolean> {
    let isUsed = false;
    for await (const event of scanJournalFile(window, file.salt, fileHeaderBytes, false)) {
      if (event.kind === "gap") continue;
      isUsed = true;
      if (isBefore(this.#floor, event.header.floor)) this.#floor = event.header.floor;
    }
    return isUsed;
  }

  async #replayFiles(): Promise<void> {
    for (const [sequence, { file, sizeBytes, flushBytesMax }] of this.#found) {
      if (sequence > this.#lastUsed) return;
      if (flushBytesMax === undefined) {
        this.#replay.lose({ sequence, position: 0 }, sizeBytes);
        continue;
      }
      const window = new ScanWindow(file, sizeBytes);
      for await (const event of scanJournalFile(window, file.salt, fileHeaderBytes, true)) {
        if (event.kind === "record") this.#replayRecord(event, sequence);
        else this.#replayGap(event, sequence, flushBytesMax, sizeBytes);
        if (this.#tail !== undefined) return;
      }
    }
  }

  #replayRecord(event: ScanEvent & { kind: "record" }, sequence: number): void {
    const { header, entries } = event;
    const start = { sequence, position: header.position };
    this.#checkBlankEnd(header.floor);
    if (entries === undefined && this.#mayBeTorn(start)) this.#tail = start;
    else this.#replay.apply(header, entries, sequence);
  }

  #replayGap(
    event: ScanEvent & { kind: "gap" },
    sequence: number,
    flushBytesMax: number,
    sizeBytes: number,
  ): void {
    const start = { sequence, position: event.position };
    const isBlank = event.nonZeroEnd === event.position && event.end === sizeBytes;
    const couldBeTorn = event.nonZeroEnd - event.position <= flushBytesMax;
    if (this.#mayBeTorn(start) && couldBeTorn) this.#tail = start;
    else if (isBlank) this.#blankEnd = { start, end: event.end };
    else this.#replay.lose(start, event.end);
  }

  // A flush begins only when the one before is durable, and never spans two files: what is torn lies
  // in the last file, and not before the floor.
  #mayBeTorn(start: JournalPosition): boolean {
    return start.sequence === this.#lastUsed && !isBefore(start, this.#floor);
  }

  // The first record of a file names the end of the one before: zeros before that end were records.
  #checkBlankEnd(floor: JournalPosition): void {
    const blank = this.#blankEnd;
    this.#blankEnd = undefined;
    if (blank === undefined || !isBefore(blank.start, floor)) return;
    if (floor.sequence === blank.start.sequence) this.#replay.lose(blank.start, blank.end);
  }

  /** Makes what was replayed durable and what was not vanish; answers where the journal goes on. */
  async #settleEnd(): Promise<JournalPosition> {
    const { disk, directory } = this.#options;
    const last = this.#found.get(this.#lastUsed);
    if (last !== undefined && last.flushBytesMax !== undefined) {
      await this.#settleFile(last, this.#tail?.position ?? last.sizeBytes);
    }
    for (const [sequence, { file }] of this.#found) {
      if (sequence > this.#lastUsed) await this.#removeFile(sequence, file);
    }
    await disk.syncDirectory(directory);
    return this.#tail ?? (await this.#startFile(this.#lastUsed + 1));
  }

  // Pages that a failed sync marked clean are written again: a read alone proves nothing about the disk.
  async #settleFile({ file, sizeBytes }: FoundFile, end: number): Promise<void> {
    const window = new ScanWindow(file, sizeBytes);
    const floor = this.#floor.sequence === file.sequence ? this.#floor.position : fileHeaderBytes;
    for (let at = Math.max(floor, fileHeaderBytes); at < end;) {
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
    this.#found.delete(sequence);
    this.#replay.usage.removeFile(sequence);
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
    this.#found.set(sequence, { file, sizeBytes: filledBytes, flushBytesMax });
    this.#replay.usage.addFile(sequence);
    return { sequence, position: fileHeaderBytes };
  }
}

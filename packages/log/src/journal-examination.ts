import type { Disk, Logger } from "@ropewalk/runtime";
import {
  decodeFileHeader,
  fileHeaderBytes,
  journalVersion,
  sequenceOfFileName,
} from "./file-header.ts";
import { JournalFile } from "./journal-file.ts";
import { isBefore, type JournalPosition, type RecordHeader } from "./journal-record.ts";
import {
  type BodyFault,
  type ScannedEntry,
  type ScanEvent,
  scanJournalFile,
} from "./journal-scan.ts";
import { LogError } from "./log-error.ts";
import { Replay } from "./replay.ts";
import { nonZeroEnd, ScanWindow } from "./scan-window.ts";

/** Which journal to examine. */
export interface ExaminationOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  /** The id the files must carry; `undefined` accepts what they do carry. */
  readonly directoryId: Uint8Array | undefined;
  readonly access: "read" | "read-write";
  /** Hears what is met, in the journal's order. */
  readonly observer?: ExaminationObserver;
}

/** Who wants to know more than the state that results. */
export interface ExaminationObserver {
  /** A record that counts; `fault` says what keeps its group from being used. */
  onRecord(
    sequence: number,
    header: RecordHeader,
    entries: readonly ScannedEntry[] | undefined,
    fault: BodyFault | undefined,
  ): void;
  /** Bytes that held records once. */
  onLoss(start: JournalPosition, end: number, what: string): void;
}

/** A file that was opened. `flushBytesMax` is `undefined` when its header is damaged and it may hold records. */
export interface FoundFile {
  readonly name: string;
  readonly isHeaderSound: boolean;
  readonly file: JournalFile;
  readonly sizeBytes: number;
  readonly flushBytesMax: number | undefined;
}

/**
 * Reads the whole journal and decides where it ends, without changing a byte. What is bad at or after
 * the floor (the highest "durable up to here" that any record carries) is a torn write; what is bad
 * before it was durable once, and costs the groups concerned their service.
 */
export class JournalExamination {
  readonly replay: Replay = new Replay();
  /** By sequence, in order. */
  readonly found: Map<number, FoundFile> = new Map();
  readonly #options: ExaminationOptions;
  #directoryId: Uint8Array | undefined;
  #floor: JournalPosition = { sequence: 0, position: 0 };
  #lastUsed = 0;
  #tail: JournalPosition | undefined;
  /** A file ended in zeros here; the next record tells whether that was its end. */
  #blankEnd: { readonly start: JournalPosition; readonly end: number } | undefined;

  constructor(options: ExaminationOptions) {
    this.#options = options;
    this.#directoryId = options.directoryId;
  }

  /** What the files carry; `undefined` where there are none and no id was asked for. */
  get directoryId(): Uint8Array | undefined {
    return this.#directoryId;
  }

  /** Everything before is durable. */
  get floor(): JournalPosition {
    return this.#floor;
  }

  /** The last file that holds a record; 0 when none does. */
  get lastUsed(): number {
    return this.#lastUsed;
  }

  /** Where records end inside the last used file: nothing from here on counts. `undefined`: that file is full. */
  get tail(): JournalPosition | undefined {
    return this.#tail;
  }

  /** Leaves the files open, also on failure: `close` them. */
  async run(): Promise<void> {
    await this.#openFiles();
    await this.#findFloor();
    await this.#replayFiles();
    this.replay.finish();
  }

  async close(): Promise<void> {
    for (const { file } of this.found.values()) await file.close();
  }

  async #openFiles(): Promise<void> {
    const { disk, directory } = this.#options;
    const sequences: [number, string][] = [];
    for (const name of await disk.list(directory)) {
      const sequence = sequenceOfFileName(name);
      if (sequence !== undefined) sequences.push([sequence, name]);
    }
    sequences.sort(([left], [right]) => left - right);
    for (const [sequence, name] of sequences) await this.#openFile(sequence, name);
  }

  async #openFile(sequence: number, name: string): Promise<void> {
    const { access, disk, directory, logger } = this.#options;
    const path = disk.join(directory, name);
    const diskFile = await disk.open(path, access);
    const sizeBytes = await diskFile.sizeBytes();
    const bytes = Buffer.alloc(fileHeaderBytes);
    const outcome = decodeFileHeader(bytes.subarray(0, await diskFile.read(0, bytes)));
    const salt = outcome.kind === "header" ? outcome.header.salt : 0;
    const file = new JournalFile(sequence, salt, path, diskFile, sizeBytes);
    const isHeaderSound = outcome.kind === "header" && outcome.header.sequence === sequence;
    const flushBytesMax = isHeaderSound ? outcome.header.flushBytesMax : undefined;
    this.found.set(sequence, { name, isHeaderSound, file, sizeBytes, flushBytesMax });
    this.replay.usage.addFile(sequence);
    if (outcome.kind === "newer") {
      throw new LogError(
        "FORMAT_UNSUPPORTED",
        `Cannot open ${path}: it has format version ${outcome.version}, this broker knows ${journalVersion}`,
      );
    }
    if (outcome.kind === "header") this.#checkDirectory(path, outcome.header.directoryId);
    if (!isHeaderSound) logger.error("The header of a journal file is damaged.", { path });
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
    for (const [sequence, found] of [...this.found].reverse()) {
      const { file, sizeBytes, flushBytesMax } = found;
      const window = new ScanWindow(file, sizeBytes);
      if (flushBytesMax !== undefined) {
        const isUsed = await this.#raiseFloor(file, window);
        if (isUsed) this.#lastUsed = Math.max(this.#lastUsed, sequence);
        if (isUsed) return;
      } else if ((await nonZeroEnd(window, fileHeaderBytes)) > fileHeaderBytes) {
        this.#lastUsed = Math.max(this.#lastUsed, sequence);
      } else if (this.#lastUsed === 0) {
        this.found.set(sequence, { ...found, flushBytesMax: 0 });
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
    for (const [sequence, { file, sizeBytes, flushBytesMax }] of this.found) {
      if (sequence > this.#lastUsed) return;
      if (flushBytesMax === undefined) {
        this.#lose(
          { sequence, position: 0 },
          sizeBytes,
          "the file's header is not what was written",
        );
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
    const { header, entries, bodyFault } = event;
    const start = { sequence, position: header.position };
    this.#checkBlankEnd(header.floor);
    if (entries === undefined && this.#mayBeTorn(start)) {
      this.#tail = start;
      return;
    }
    const what = this.replay.apply(header, entries, sequence);
    const fault = bodyFault ?? (what === undefined ? undefined : { index: undefined, what });
    this.#options.observer?.onRecord(sequence, header, entries, fault);
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
    else this.#lose(start, event.end, "there are no records where there were some");
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
    if (floor.sequence === blank.start.sequence) {
      this.#lose(blank.start, blank.end, "there are zeros where there were records");
    }
  }

  #lose(start: JournalPosition, end: number, what: string): void {
    this.replay.lose(start, end);
    this.#options.observer?.onLoss(start, end, what);
  }
}

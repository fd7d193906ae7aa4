import type { Disk, Logger } from "@ropewalk/runtime";
import { LogError } from "../log-error.ts";
import {
  decodeFileHeader,
  directoryIdBytes,
  encodeFileHeader,
  fileHeaderBytes,
  journalVersion,
  sequenceOfFileName,
} from "./file-header.ts";
import { JournalFile } from "./journal-file.ts";
import {
  decodeRecordHeader,
  isBefore,
  type JournalPosition,
  type RecordHeader,
  recordHeaderBytes,
} from "./journal-record.ts";
import {
  type BodyFault,
  type ScannedEntry,
  type ScanEvent,
  scanJournalFile,
} from "./journal-scan.ts";
import type { Replay } from "./replay.ts";
import { ScanWindow } from "./scan-window.ts";

/** Which journal to examine, and what is known of it beforehand. */
export interface ExaminationOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  /** The id the files must carry; `undefined` accepts what they do carry. */
  readonly directoryId: Uint8Array | undefined;
  readonly access: "read" | "read-write";
  /** Takes the records; it knows what the checkpoint says. */
  readonly replay: Replay;
  /** The first file whose records count; those before wait to be used again. */
  readonly startSequence: number;
  /** Everything before was durable when the checkpoint was written. */
  readonly durableTo: JournalPosition;
  /** Hears what is met, in the journal's order. */
  readonly observer?: ExaminationObserver | undefined;
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

/** A file that was opened. */
export interface FoundFile {
  readonly name: string;
  readonly isHeaderSound: boolean;
  readonly file: JournalFile;
  readonly sizeBytes: number;
}

/**
 * Reads the journal from a file on and decides where it ends, without changing a byte. What is bad at
 * or after the floor (the highest "durable up to here" that any record carries) is a torn write; what is
 * bad before it was durable once, and costs the groups concerned their service. Where a file ends, the
 * floor of the next one's first record says: what lies behind it is torn, or from an earlier use.
 */
export class JournalExamination {
  /** By sequence, in order, from the first whose records count. */
  readonly found: Map<number, FoundFile> = new Map();
  /** Files before that. */
  readonly free: FoundFile[] = [];
  readonly #options: ExaminationOptions;
  #directoryId: Uint8Array | undefined;
  #floor: JournalPosition;
  #lastUsed = 0;
  #tail: JournalPosition | undefined;

  constructor(options: ExaminationOptions) {
    this.#options = options;
    this.#directoryId = options.directoryId;
    this.#floor = options.durableTo;
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
    this.#options.replay.finish();
  }

  async close(): Promise<void> {
    for (const { file } of [...this.found.values(), ...this.free]) await file.close();
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
    const { access, disk, directory, logger, startSequence } = this.#options;
    const path = disk.join(directory, name);
    const diskFile = await disk.open(path, access);
    const sizeBytes = await diskFile.sizeBytes();
    const bytes = Buffer.alloc(fileHeaderBytes);
    const outcome = decodeFileHeader(bytes.subarray(0, await diskFile.read(0, bytes)));
    if (outcome.kind === "header" && sequence >= startSequence) {
      this.#checkDirectory(path, outcome.header.directoryId);
    }
    const isHeaderSound = outcome.kind === "header" && outcome.header.sequence === sequence;
    // What the header said follows from the name, so that a damaged one hides nothing.
    const directoryId = this.#directoryId ?? new Uint8Array(directoryIdBytes);
    const { salt } = encodeFileHeader({ directoryId, sequence });
    const file = new JournalFile(disk, { sequence, salt, path }, diskFile, sizeBytes);
    const found = { name, isHeaderSound, file, sizeBytes };
    if (sequence < startSequence) this.free.push(found);
    else this.found.set(sequence, found);
    if (outcome.kind === "newer" && sequence >= startSequence) {
      throw new LogError(
        "FORMAT_UNSUPPORTED",
        `Cannot open ${path}: it has format version ${outcome.version}, this broker knows ${journalVersion}`,
      );
    }
    if (outcome.kind === "foreign" && sequence >= startSequence) {
      const draft = "it was written in a draft of the format, before version 1 was settled";
      throw new LogError("FORMAT_UNSUPPORTED", `Cannot open ${path}: ${draft}`);
    }
    if (!isHeaderSound && sequence >= startSequence) {
      logger.error("The header of a journal file is damaged.", { path });
    }
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

  // Floors only grow, so the last file with a record has the highest.
  async #findFloor(): Promise<void> {
    for (const [sequence, { file, sizeBytes }] of [...this.found].reverse()) {
      const window = new ScanWindow(file, sizeBytes);
      let isUsed = false;
      for await (const event of scanJournalFile(window, file.salt, fileHeaderBytes, false)) {
        if (event.kind === "gap") continue;
        isUsed = true;
        if (isBefore(this.#floor, event.header.floor)) this.#floor = event.header.floor;
      }
      if (!isUsed) continue;
      this.#lastUsed = sequence;
      break;
    }
    // The last file that is known to have been durable in part was used, whatever became of it.
    const { floor } = this;
    if (floor.position > fileHeaderBytes) this.#lastUsed = Math.max(this.#lastUsed, floor.sequence);
  }

  /** Where the file before this one ended, as its first record says; `undefined` where that is damaged. */
  async #endBefore(sequence: number): Promise<number | undefined> {
    const file = this.found.get(sequence)?.file;
    if (file === undefined) return undefined;
    const bytes = Buffer.alloc(recordHeaderBytes);
    await file.read(fileHeaderBytes, bytes);
    const header = decodeRecordHeader(bytes, 0, file.salt, fileHeaderBytes);
    return header?.floor.sequence === sequence - 1 ? header.floor.position : undefined;
  }

  async #replayFiles(): Promise<void> {
    for (let sequence = this.#options.startSequence; sequence <= this.#lastUsed; sequence++) {
      const found = this.found.get(sequence);
      if (found === undefined) {
        this.#lose({ sequence, position: 0 }, fileHeaderBytes, "the file is gone");
      } else {
        await this.#replayFile(sequence, found, await this.#endBefore(sequence + 1));
      }
      if (this.#tail !== undefined) return;
    }
  }

  async #replayFile(sequence: number, found: FoundFile, end: number | undefined): Promise<void> {
    const { file, sizeBytes } = found;
    const isLast = sequence === this.#lastUsed;
    const knownEnd = isLast ? Math.max(this.#floorIn(sequence), sizeBytes) : end;
    const window = new ScanWindow(file, Math.min(sizeBytes, knownEnd ?? sizeBytes));
    for await (const event of scanJournalFile(window, file.salt, fileHeaderBytes, true)) {
      if (event.kind === "record") this.#replayRecord(event, sequence);
      else this.#replayGap(event, sequence, knownEnd !== undefined || event.end < sizeBytes);
      if (this.#tail !== undefined) return;
    }
    if (knownEnd !== undefined && sizeBytes < knownEnd) {
      this.#lose({ sequence, position: sizeBytes }, knownEnd, "the file is shorter than it was");
    }
  }

  #floorIn(sequence: number): number {
    return this.#floor.sequence === sequence ? this.#floor.position : 0;
  }

  #replayRecord(event: ScanEvent & { kind: "record" }, sequence: number): void {
    const { header, entries, bodyFault } = event;
    const start = { sequence, position: header.position };
    if (entries === undefined && this.#mayBeTorn(start)) {
      this.#tail = start;
      return;
    }
    const what = this.#options.replay.apply(header, entries, sequence);
    const fault = bodyFault ?? (what === undefined ? undefined : { index: undefined, what });
    this.#options.observer?.onRecord(sequence, header, entries, fault);
  }

  // Where a file ends is unknown only when the beginning of the next one is lost: then every group is in
  // doubt already, and what lies behind this file's records may be of an earlier use.
  #replayGap(event: ScanEvent & { kind: "gap" }, sequence: number, isLoss: boolean): void {
    const start = { sequence, position: event.position };
    if (this.#mayBeTorn(start)) this.#tail = start;
    else if (isLoss) this.#lose(start, event.end, "there are no records where there were some");
  }

  // A flush begins only when the one before is durable, and never spans two files: what is torn lies
  // in the last file, and not before the floor.
  #mayBeTorn(start: JournalPosition): boolean {
    return start.sequence === this.#lastUsed && !isBefore(start, this.#floor);
  }

  #lose(start: JournalPosition, end: number, what: string): void {
    this.#options.replay.lose(start, end);
    this.#options.observer?.onLoss(start, end, what);
  }
}

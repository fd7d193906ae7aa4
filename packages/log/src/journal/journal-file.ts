import assert from "node:assert/strict";
import type { Disk, DiskFile } from "@ropewalk/runtime";
import { encodeFileHeader, fileHeaderBytes, journalFileName } from "./file-header.ts";

/** Zeros are written in pieces of this size. */
const zeros: Buffer = Buffer.alloc(1024 * 1024);

/** Where a new file is made, and as what. */
export interface NewJournalFile {
  readonly disk: Disk;
  readonly directory: string;
  readonly sequence: number;
  readonly directoryId: Uint8Array;
}

/**
 * One file of the journal. Zeros are written ahead of the records, and synced, so that the sync of an
 * append has only its data to flush; a write beyond them is as safe, only slower.
 */
export class JournalFile {
  readonly sequence: number;
  /** What every record of this file repeats. */
  readonly salt: number;
  /** Its name on disk, which is not the one it was created under. */
  readonly path: string;
  readonly #file: DiskFile;
  #filledBytes: number;
  #filling: Promise<void> | undefined;
  #syncingZeros: Promise<void> | undefined;
  #isOvertaken = false;
  #failure: Error | undefined;

  constructor(sequence: number, salt: number, path: string, file: DiskFile, filledBytes: number) {
    this.sequence = sequence;
    this.path = path;
    this.salt = salt;
    this.#file = file;
    this.#filledBytes = filledBytes;
  }

  /**
   * Creates a file: header and zeros up to `filledBytes` under a temporary name, synced, then renamed,
   * then the directory synced. A file that has its name is therefore complete.
   */
  static async create(target: NewJournalFile, filledBytes: number): Promise<JournalFile> {
    const { disk, directory, directoryId, sequence } = target;
    const path = disk.join(directory, journalFileName(sequence, directoryId));
    const temporaryPath = `${path}.tmp`;
    if (await disk.exists(temporaryPath)) await disk.remove(temporaryPath);
    const { bytes, salt } = encodeFileHeader(target);
    const diskFile = await disk.create(temporaryPath);
    try {
      await diskFile.write(0, [bytes]);
      await writeZeros(diskFile, fileHeaderBytes, filledBytes);
      await diskFile.datasync();
      await disk.rename(temporaryPath, path);
      await disk.syncDirectory(directory);
    } catch (error) {
      await diskFile.close();
      throw error;
    }
    return new JournalFile(sequence, salt, path, diskFile, Math.max(filledBytes, fileHeaderBytes));
  }

  /**
   * Gives a file that nobody needs any more a new place in the journal: all its blocks were written
   * before, so that a sync has only data to flush. What is in it is no record any more, for its salt is
   * another one. The file that this was must not be used afterwards.
   */
  async recycle(target: NewJournalFile): Promise<JournalFile> {
    const { disk, directory, directoryId, sequence } = target;
    const path = disk.join(directory, journalFileName(sequence, directoryId));
    const { bytes, salt } = encodeFileHeader(target);
    await this.settled();
    await this.append(0, [bytes], bytes.length);
    await disk.rename(this.path, path);
    await disk.syncDirectory(directory);
    return new JournalFile(sequence, salt, path, this.#file, this.#filledBytes);
  }

  /** Whether zeros are being written right now. */
  get isFilling(): boolean {
    return this.#filling !== undefined;
  }

  /** Whether records came faster than zeros; more zeros would then only be in their way. */
  get isOvertaken(): boolean {
    return this.#isOvertaken;
  }

  /** Up to where the file was written before. */
  get filledBytes(): number {
    return this.#filledBytes;
  }

  /** Writes and syncs. Only one at a time. After a failure, of zeros too, the file takes nothing more. */
  async append(position: number, buffers: readonly Uint8Array[], bytes: number): Promise<void> {
    const end = position + bytes;
    if (end > this.#filledBytes) {
      // Zeros that are on their way must not arrive after the records they would erase.
      await this.settled();
      if (end > this.#filledBytes) this.#isOvertaken = true;
      this.#filledBytes = Math.max(this.#filledBytes, end);
    }
    this.#assertSound();
    await this.#file.write(position, buffers);
    await this.#file.datasync();
    // The system tells a lost page to one sync only, which may be that of the zeros.
    await this.#syncingZeros?.catch(() => undefined);
    this.#assertSound();
  }

  /** Writes zeros up to `toBytes` and syncs them, while appends go on below. */
  fill(toBytes: number): Promise<void> {
    assert(this.#filling === undefined, `${this.path} is being filled already`);
    const filling = this.#fill(toBytes).finally(() => {
      this.#filling = undefined;
    });
    this.#filling = filling;
    return filling;
  }

  /** Waits for zeros that are on their way; whether they arrived is told to who asked for them. */
  async settled(): Promise<void> {
    await this.#filling?.catch(() => undefined);
  }

  read(position: number, target: Uint8Array): Promise<number> {
    return this.#file.read(position, target);
  }

  sizeBytes(): Promise<number> {
    return this.#file.sizeBytes();
  }

  /** Writes without a sync: for recovery. */
  write(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#file.write(position, buffers);
  }

  sync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #fill(toBytes: number): Promise<void> {
    try {
      await writeZeros(this.#file, this.#filledBytes, toBytes);
      this.#syncingZeros = this.#file.datasync();
      await this.#syncingZeros;
      this.#filledBytes = Math.max(this.#filledBytes, toBytes);
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      this.#syncingZeros = undefined;
    }
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

async function writeZeros(file: DiskFile, start: number, end: number): Promise<void> {
  for (let at = start; at < end; at += zeros.length) {
    await file.write(at, [zeros.subarray(0, Math.min(zeros.length, end - at))]);
  }
}

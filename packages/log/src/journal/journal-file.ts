import assert from "node:assert/strict";
import { type Disk, DiskError, type DiskFile, type FileRange } from "@ropewalk/runtime";
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

/** What a file is called, and what its records repeat. */
export interface JournalFileName {
  readonly sequence: number;
  readonly salt: number;
  readonly path: string;
}

/** Whether the disk had no room for a write: then nothing is lost that it had accepted. */
export function isNoRoom(error: unknown): boolean {
  return error instanceof DiskError && error.code === "FULL";
}

/**
 * One file of the journal. Zeros are written ahead of the records, and synced, so that the sync of an
 * append has only its data to flush; a write beyond them is as safe, only slower.
 *
 * Where the disk is full, a write beyond what was written before rejects with FULL, and can be tried again:
 * what the file has is as it was. Every other failure is for good (see `isSound`).
 */
export class JournalFile {
  readonly sequence: number;
  /** What every record of this file repeats. */
  readonly salt: number;
  /** Its name on disk, which is not the one it was created under. */
  readonly path: string;
  readonly #disk: Disk;
  #file: DiskFile;
  /** The same file for records, whose writes are durable; none where it was not written since it was found. */
  #through: DiskFile | undefined;
  #filledBytes: number;
  #filling: Promise<void> | undefined;
  #syncingZeros: Promise<void> | undefined;
  /** The last write beyond what was written before; never rejects. */
  #extended: Promise<void> = Promise.resolve();
  #isOvertaken = false;
  #failure: Error | undefined;

  constructor(
    disk: Disk,
    name: JournalFileName,
    file: DiskFile,
    filledBytes: number,
    through?: DiskFile,
  ) {
    this.sequence = name.sequence;
    this.path = name.path;
    this.salt = name.salt;
    this.#disk = disk;
    this.#file = file;
    this.#through = through;
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
    let through: DiskFile | undefined;
    try {
      await diskFile.write(0, [bytes]);
      await writeZeros(diskFile, fileHeaderBytes, filledBytes);
      await diskFile.datasync();
      through = await disk.open(temporaryPath, "write-through");
      await disk.rename(temporaryPath, path);
      await disk.syncDirectory(directory);
    } catch (error) {
      await diskFile.close();
      await through?.close();
      // What it took may be what a full disk lacks.
      await disk.remove(temporaryPath).catch(() => undefined);
      throw error;
    }
    const name = { sequence, salt, path };
    return new JournalFile(disk, name, diskFile, Math.max(filledBytes, fileHeaderBytes), through);
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
    this.#through ??= await disk.open(this.path, "write-through");
    await this.append(0, [bytes], bytes.length);
    await disk.rename(this.path, path);
    await disk.syncDirectory(directory);
    const name = { sequence, salt, path };
    return new JournalFile(disk, name, this.#file, this.#filledBytes, this.#through);
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

  /** Whether nothing failed that is for good. */
  get isSound(): boolean {
    return this.#failure === undefined;
  }

  /** Writes and syncs. Only one at a time. After a failure, of zeros too, the file takes nothing more. */
  async append(position: number, buffers: readonly Uint8Array[], bytes: number): Promise<void> {
    const end = position + bytes;
    // Zeros that are on their way must not arrive after the records they would erase.
    if (end > this.#filledBytes) await this.settled();
    this.#assertSound();
    if (end > this.#filledBytes) {
      const extended = this.#extend(position, buffers, end);
      this.#extended = extended.catch(() => undefined);
      await extended;
      await this.#once(this.#file.datasync());
    } else await this.#once(this.#overwrite(position, buffers));
    // The system tells a lost page to one sync only, which may be that of the zeros.
    await this.#syncingZeros?.catch(() => undefined);
    this.#assertSound();
  }

  /**
   * Writes zeros up to `toBytes` and syncs them, while appends go on below. Where the disk is full it keeps those
   * that there was room for, and rejects with FULL.
   */
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

  /** Bytes of the file, to be written into another: through the handle that is open by then. */
  range(position: number, bytes: number): FileRange {
    const current = (): DiskFile => this.#file;
    return {
      get file() {
        return current();
      },
      position,
      bytes,
    };
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

  async close(): Promise<void> {
    await this.#through?.close();
    await this.#file.close();
  }

  /** Over bytes that were written before: the write needs nothing but the disk to take it. */
  async #overwrite(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    if (this.#through !== undefined) {
      await this.#through.write(position, buffers);
      return;
    }
    await this.#file.write(position, buffers);
    await this.#file.datasync();
  }

  async #extend(position: number, buffers: readonly Uint8Array[], end: number): Promise<void> {
    const filledBefore = this.#filledBytes;
    const overtakenBefore = this.#isOvertaken;
    this.#isOvertaken = true;
    this.#filledBytes = end;
    try {
      await this.#file.write(position, buffers);
    } catch (error) {
      this.#filledBytes = filledBefore;
      this.#isOvertaken = overtakenBefore;
      if (isNoRoom(error)) await this.#reopen();
      else this.#fail(error);
      throw error;
    }
  }

  /** A handle takes nothing more after a failed write, though all that failed is that there was no room. */
  async #reopen(): Promise<void> {
    const old = this.#file;
    this.#file = await this.#once(this.#disk.open(this.path, "read-write"));
    await old.close();
  }

  // Through a handle of their own: zeros that find no room must not keep records from being written below.
  async #fill(toBytes: number): Promise<void> {
    await this.#extended; // Where that found no room, the file ends where it ended before.
    const file = await this.#disk.open(this.path, "read-write");
    const zeroed = { endBytes: this.#filledBytes };
    try {
      await fillWhileRoom(file, zeroed, toBytes);
    } catch (error) {
      if (!isNoRoom(error)) this.#fail(error);
      throw error;
    } finally {
      try {
        if (this.isSound) await this.#syncZeros(zeroed.endBytes);
      } finally {
        await file.close();
      }
    }
  }

  async #syncZeros(endBytes: number): Promise<void> {
    try {
      this.#syncingZeros = this.#file.datasync();
      await this.#syncingZeros;
      this.#filledBytes = Math.max(this.#filledBytes, endBytes);
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#syncingZeros = undefined;
    }
  }

  async #once<T>(done: Promise<T>): Promise<T> {
    try {
      return await done;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= asError(error);
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Writes zeros up to `toBytes`; `zeroed` says how far it came. */
async function fillWhileRoom(
  file: DiskFile,
  zeroed: { endBytes: number },
  toBytes: number,
): Promise<void> {
  while (zeroed.endBytes < toBytes) {
    const end = Math.min(zeroed.endBytes + zeros.length, toBytes);
    await writeZeros(file, zeroed.endBytes, end);
    zeroed.endBytes = end;
  }
}

async function writeZeros(file: DiskFile, start: number, end: number): Promise<void> {
  for (let at = start; at < end; at += zeros.length) {
    await file.write(at, [zeros.subarray(0, Math.min(zeros.length, end - at))]);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

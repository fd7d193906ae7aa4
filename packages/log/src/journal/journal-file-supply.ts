import type { Disk, Logger } from "@ropewalk/runtime";
import type { LogConfig } from "../log-config.ts";
import { isNoRoom, JournalFile, type NewJournalFile } from "./journal-file.ts";

/** What new files are made with. */
export interface JournalFileSupplyOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly directoryId: Uint8Array;
  readonly logger: Logger;
  readonly config: LogConfig;
  /** Files whose records nobody needs, left by the process before. */
  readonly freeFiles: readonly JournalFile[];
}

/** What a new file is filled with before it is used: little, so that the first start is fast. */
const filledBytesAtFirst = 256 * 1024;

/** Files that are kept to be used again while the disk is full: what is in the journal's way goes to others. */
const keptOnFullDisk = 1;

/**
 * Makes the journal's files, the next one ahead of need: from one that nobody needs any more where
 * there is one. A new file that is prepared is filled with zeros in pieces until it is taken, so that
 * who needs it early waits for one piece at most.
 */
export class JournalFileSupply {
  readonly #options: JournalFileSupplyOptions;
  readonly #free: JournalFile[];
  #prepared: Promise<void> | undefined;
  /** The file that is ready or being filled, for as long as nobody took it. */
  #untaken: JournalFile | undefined;
  #filling: Promise<void> = Promise.resolve();
  #failure: unknown;
  #isDiskFull = false;
  #takenBytes = 0;

  constructor(options: JournalFileSupplyOptions) {
    this.#options = options;
    this.#free = [...options.freeFiles];
  }

  /** Why the next file could not be prepared the last time; `undefined` when it could. */
  get failure(): unknown {
    return this.#failure;
  }

  /** What of the next file is written already, so that it can be overwritten whatever the disk says. */
  get readyBytes(): number {
    return this.#untaken?.filledBytes ?? 0;
  }

  /** What new files took from the disk for as long as they were here. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Files that wait to be used again. */
  get freeCount(): number {
    return this.#free.length;
  }

  /** Begins to prepare a file, unless one is prepared already. A failure is kept, and tried again. */
  prepare(sequence: number): Promise<void> {
    if (this.#prepared === undefined) {
      this.#prepared = this.#prepare(sequence);
      this.#filling = this.#prepared.then(() => this.#fillUntaken());
    }
    return this.#prepared;
  }

  /** The same, and goes on with a file that there was no room for; resolves when it is filled, or is not again. */
  async prepareWhole(sequence: number): Promise<void> {
    await this.prepare(sequence);
    await this.#filling;
    if (!isNoRoom(this.#failure) || this.#untaken === undefined) return;
    this.#filling = this.#fillUntaken();
    await this.#filling;
  }

  /** While the disk is full, files that nobody needs are removed: others need their room more. */
  async setDiskFull(isDiskFull: boolean): Promise<void> {
    this.#isDiskFull = isDiskFull;
    while (this.#isDiskFull && this.#free.length > keptOnFullDisk) {
      const file = this.#free.pop();
      if (file !== undefined) await this.#remove(file);
    }
  }

  /** The file that was prepared, or a new one. Rejects with the disk's error. */
  async take(sequence: number): Promise<JournalFile> {
    await this.#prepared;
    const prepared = this.#untaken;
    this.#untaken = undefined;
    this.#prepared = undefined;
    return prepared?.sequence === sequence ? prepared : this.#make(sequence);
  }

  /** Takes a file back whose records nobody needs any more: to be used again, or to be removed. */
  async release(file: JournalFile): Promise<void> {
    const { config } = this.#options;
    const keptUsually = Math.ceil(config.journalBytesMax / config.fileBytesMax);
    const keptMax = this.#isDiskFull ? keptOnFullDisk : keptUsually;
    const isWanted = this.#free.length < keptMax && (await this.#completes(file));
    if (isWanted) this.#free.push(file);
    else await this.#remove(file);
  }

  /**
   * Makes a file as large as all others, if it is nearly: records that came faster than zeros end where the next one
   * found no place. One that a single large record made larger is none to keep.
   */
  async #completes(file: JournalFile): Promise<boolean> {
    const { fileBytesMax } = this.#options.config;
    await file.settled();
    if (file.filledBytes < fileBytesMax / 2 || file.filledBytes > fileBytesMax) return false;
    try {
      if (file.filledBytes < fileBytesMax) await file.fill(fileBytesMax);
      return file.isSound;
    } catch {
      return false; // It is none of those that are written, so nobody else needs to know.
    }
  }

  /** Keeps a file for people, under a name that no journal looks for. */
  async setAside(file: JournalFile): Promise<void> {
    const { disk, logger } = this.#options;
    const path = `${file.path}.damaged`;
    await file.settled();
    await disk.rename(file.path, path);
    await file.close();
    logger.warn("A journal file with records of a damaged group was set aside.", { path });
  }

  /** Waits for what is under way and closes what nobody took. */
  async close(): Promise<void> {
    await this.#prepared;
    const untaken = this.#untaken;
    this.#untaken = undefined;
    await this.#filling;
    await untaken?.close();
    for (const file of this.#free.splice(0)) {
      await file.settled();
      await file.close();
    }
  }

  async #remove(file: JournalFile): Promise<void> {
    await file.settled(); // Zeros may still be on their way into it.
    await this.#options.disk.remove(file.path);
    await file.close();
  }

  async #make(sequence: number): Promise<JournalFile> {
    const { disk, directory, directoryId } = this.#options;
    const target: NewJournalFile = { disk, directory, directoryId, sequence };
    const free = this.#takeFree(sequence);
    if (free === undefined) {
      const { fileBytesMax } = this.#options.config;
      const file = await JournalFile.create(target, Math.min(filledBytesAtFirst, fileBytesMax));
      this.#takenBytes += file.filledBytes;
      return file;
    }
    try {
      return await free.recycle(target);
    } catch (error) {
      // There may be no room for a new name; then it is tried again.
      if (isNoRoom(error) && free.isSound) this.#free.unshift(free);
      else await free.close();
      throw error;
    }
  }

  // A file that has the name already goes first: renaming another one over it would unlink it.
  #takeFree(sequence: number): JournalFile | undefined {
    const named = this.#free.findIndex((file) => file.sequence === sequence);
    return this.#free.splice(Math.max(named, 0), 1)[0];
  }

  async #prepare(sequence: number): Promise<void> {
    try {
      this.#untaken = await this.#make(sequence);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      this.#prepared = undefined;
      const { logger } = this.#options;
      logger.warn("The next journal file could not be prepared.", { sequence, error });
    }
  }

  async #fillUntaken(): Promise<void> {
    const { fileBytesMax, fillAheadBytes } = this.#options.config;
    const file = this.#untaken;
    while (file !== undefined && this.#untaken === file && file.filledBytes < fileBytesMax) {
      const filledBefore = file.filledBytes;
      try {
        await file.fill(Math.min(filledBefore + fillAheadBytes, fileBytesMax));
        if (isNoRoom(this.#failure)) this.#failure = undefined;
      } catch (error) {
        if (!isNoRoom(error)) await this.#abandon(file, error);
        else if (this.#untaken === file) this.#keepShort(file, error);
        return;
      } finally {
        this.#takenBytes += file.filledBytes - filledBefore;
      }
    }
  }

  // What there was room for can be written, whatever comes.
  #keepShort({ filledBytes, path }: JournalFile, error: unknown): void {
    this.#failure = error;
    const fields = { path, filledBytes, error };
    this.#options.logger.warn("The next journal file could not be filled up.", fields);
  }

  // Nothing is in the file, so another one may be created in its place. Somebody who took it in the
  // meantime learns of the failure with the first append.
  async #abandon(file: JournalFile, error: unknown): Promise<void> {
    if (this.#untaken !== file) return;
    this.#untaken = undefined;
    this.#prepared = undefined;
    this.#failure = error;
    const { path, sequence } = file;
    this.#options.logger.warn("The next journal file could not be filled.", { path, error });
    await file.close();
    await this.#options.disk.remove(path).catch((cause: unknown) => {
      this.#options.logger.warn("A journal file could not be removed.", { sequence, cause });
    });
  }
}

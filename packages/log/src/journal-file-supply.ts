import type { Disk, Logger } from "@ropewalk/runtime";
import { fileHeaderBytes } from "./file-header.ts";
import { JournalFile } from "./journal-file.ts";
import { flushBytesBound, type LogConfig } from "./log-config.ts";

/** What new files are made with. */
export interface JournalFileSupplyOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly directoryId: Uint8Array;
  readonly logger: Logger;
  readonly config: LogConfig;
}

/**
 * Makes the journal's files, the next one ahead of need. A file that is prepared is filled with zeros
 * in pieces until it is taken, so that who needs it early waits for one piece at most.
 */
export class JournalFileSupply {
  readonly #options: JournalFileSupplyOptions;
  #prepared: Promise<void> | undefined;
  /** The file that is being filled, for as long as nobody took it. */
  #untaken: JournalFile | undefined;
  #filling: Promise<void> = Promise.resolve();

  constructor(options: JournalFileSupplyOptions) {
    this.#options = options;
  }

  /** Begins to prepare a file, unless one is prepared already. Failures only mean that `take` creates it. */
  prepare(sequence: number): void {
    if (this.#prepared !== undefined) return;
    this.#prepared = this.#prepare(sequence);
    this.#filling = this.#prepared.then(() => this.#fillUntaken());
  }

  /** The file that was prepared, or a new one. Rejects with the disk's error. */
  async take(sequence: number): Promise<JournalFile> {
    await this.#prepared;
    const prepared = this.#untaken;
    this.#untaken = undefined;
    this.#prepared = undefined;
    return prepared?.sequence === sequence ? prepared : this.#create(sequence);
  }

  /** Waits for what is under way and closes what nobody took. */
  async close(): Promise<void> {
    await this.#prepared;
    const untaken = this.#untaken;
    this.#untaken = undefined;
    await this.#filling;
    await untaken?.close();
  }

  #create(sequence: number): Promise<JournalFile> {
    const { disk, directory, directoryId, config } = this.#options;
    const flushBytesMax = flushBytesBound(config);
    const filledBytes = fileHeaderBytes;
    return JournalFile.create(disk, directory, {
      sequence,
      directoryId,
      flushBytesMax,
      filledBytes,
    });
  }

  async #prepare(sequence: number): Promise<void> {
    try {
      this.#untaken = await this.#create(sequence);
    } catch (error) {
      const { logger } = this.#options;
      logger.warn("The next journal file could not be prepared.", { sequence, error });
    }
  }

  async #fillUntaken(): Promise<void> {
    const { fileBytesMax, fillAheadBytes } = this.#options.config;
    const file = this.#untaken;
    while (file !== undefined && this.#untaken === file && file.filledBytes < fileBytesMax) {
      try {
        await file.fill(Math.min(file.filledBytes + fillAheadBytes, fileBytesMax));
      } catch (error) {
        await this.#abandon(file, error);
      }
    }
  }

  // Nothing is in the file, so another one may be created in its place. Somebody who took it in the
  // meantime learns of the failure with the first append.
  async #abandon(file: JournalFile, error: unknown): Promise<void> {
    if (this.#untaken !== file) return;
    this.#untaken = undefined;
    const { path } = file;
    this.#options.logger.warn("The next journal file could not be filled.", { path, error });
    await file.close();
  }
}

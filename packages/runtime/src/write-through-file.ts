import type { DiskFile } from "./disk.ts";

/** A file whose writes are followed by a `datasync`, for systems that cannot do both in one call. */
export class WriteThroughFile implements DiskFile {
  readonly #file: DiskFile;

  /** The file belongs to this one from here on. */
  constructor(file: DiskFile) {
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  async write(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#file.write(position, buffers);
    await this.#file.datasync();
  }

  read(position: number, target: Uint8Array): Promise<number> {
    return this.#file.read(position, target);
  }

  readSync(position: number, target: Uint8Array): number {
    return this.#file.readSync(position, target);
  }

  datasync(): Promise<void> {
    return this.#file.datasync();
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#file.truncate(sizeBytes);
  }

  sizeBytes(): Promise<number> {
    return this.#file.sizeBytes();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

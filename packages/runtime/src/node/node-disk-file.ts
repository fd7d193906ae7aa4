import assert from "node:assert/strict";
import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { DiskError } from "../disk.ts";
import type { DiskFile } from "../disk.ts";
import { diskCall, diskFailure } from "./disk-failure.ts";

/**
 * A file on Node's `FileHandle`, which counts the calls under way: `close` waits for them, and a
 * call on a closed file rejects instead of reaching whatever file got its descriptor since.
 *
 * After a failed write or sync the file refuses every further one with that same failure. The
 * kernel marks pages that it could not write as clean, so that a second fdatasync "succeeds"
 * without them; nobody may take that for durability. Reads go on.
 */
export class NodeDiskFile implements DiskFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #isClosing = false;
  #failure: DiskError | undefined = undefined;
  /** Those who work with the descriptor itself; never rejects. */
  #lent: Promise<void> = Promise.resolve();

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** The descriptor, which stays open until `done` settles. Throws SOURCE once the file is closed, or about to be. */
  lend(done: Promise<unknown>): number {
    if (this.#isClosing) throw new DiskError("SOURCE", `Cannot read ${this.path}: it is closed`);
    const ended = done.then(
      () => undefined,
      () => undefined,
    );
    this.#lent = Promise.all([this.#lent, ended]).then(() => undefined);
    return this.#handle.fd;
  }

  async write(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    assertPosition(position);
    this.#assertSound();
    let bytesExpected = 0;
    for (const buffer of buffers) bytesExpected += buffer.byteLength;
    if (bytesExpected === 0) return;
    const action = `write ${bytesExpected} bytes at ${position} of ${this.path}`;
    try {
      const bytesWritten = await this.#writeOnce(position, buffers);
      if (bytesWritten !== bytesExpected) {
        throw await this.#shortWrite(action, position, buffers, bytesWritten);
      }
    } catch (error) {
      throw this.#fail(error instanceof DiskError ? error : diskFailure(action, error));
    }
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    assertPosition(position);
    const action = `read ${target.byteLength} bytes at ${position} of ${this.path}`;
    let filled = 0;
    while (filled < target.byteLength) {
      const length = target.byteLength - filled;
      const { bytesRead } = await diskCall(
        action,
        this.#handle.read(target, filled, length, position + filled),
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  readSync(position: number, target: Uint8Array): number {
    assertPosition(position);
    let filled = 0;
    try {
      while (filled < target.byteLength) {
        const length = target.byteLength - filled;
        const bytesRead = readSync(this.#handle.fd, target, filled, length, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    } catch (error) {
      throw diskFailure(`read ${target.byteLength} bytes at ${position} of ${this.path}`, error);
    }
    return filled;
  }

  async datasync(): Promise<void> {
    this.#assertSound();
    try {
      await this.#handle.datasync();
    } catch (error) {
      // Always IO, even where the system says "no space": what was lost here had been accepted.
      throw this.#fail(diskFailure(`sync ${this.path}`, error, "IO"));
    }
  }

  async truncate(sizeBytes: number): Promise<void> {
    assertPosition(sizeBytes);
    this.#assertSound();
    await diskCall(`cut ${this.path} to ${sizeBytes} bytes`, this.#handle.truncate(sizeBytes));
  }

  async sizeBytes(): Promise<number> {
    const { size } = await diskCall(`read the size of ${this.path}`, this.#handle.stat());
    return size;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#lent;
    await diskCall(`close ${this.path}`, this.#handle.close());
  }

  // libuv splits a long list of buffers at IOV_MAX and goes on after a partial write(2) by itself,
  // so any number of buffers is one call here.
  async #writeOnce(position: number, buffers: readonly Uint8Array[]): Promise<number> {
    const first = buffers[0];
    if (buffers.length === 1 && first !== undefined) {
      const written = await this.#handle.write(first, 0, first.byteLength, position);
      return written.bytesWritten;
    }
    const written = await this.#handle.writev(buffers, position);
    return written.bytesWritten;
  }

  // A short count without an error means that a later write(2) inside libuv failed and that libuv
  // dropped the error number in favour of the count: typically the disk ran full in the middle.
  // The rest is offered once more, only to learn the reason. Should it fit now, the write has
  // failed all the same: it may have been EIO, which must never be retried into success.
  async #shortWrite(
    action: string,
    position: number,
    buffers: readonly Uint8Array[],
    bytesWritten: number,
  ): Promise<DiskError> {
    try {
      await this.#writeOnce(position + bytesWritten, buffersFrom(buffers, bytesWritten));
    } catch (error) {
      return diskFailure(`${action} (stopped after ${bytesWritten} bytes)`, error);
    }
    return new DiskError("IO", `Cannot ${action}: stopped after ${bytesWritten} bytes`);
  }

  #fail(failure: DiskError): DiskError {
    this.#failure ??= failure;
    return failure;
  }

  #assertSound(): void {
    if (this.#failure === undefined) return;
    throw new DiskError(
      this.#failure.code,
      `Cannot write to or sync ${this.path}: it failed before (${this.#failure.message})`,
      { cause: this.#failure },
    );
  }
}

/** What is left of `buffers` after their first `skipBytes` bytes; views, no copies. */
function buffersFrom(buffers: readonly Uint8Array[], skipBytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = skipBytes;
  for (const buffer of buffers) {
    if (skip < buffer.byteLength) rest.push(buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.byteLength);
  }
  return rest;
}

// A negative or absent position would make Node write at the file's own, moving one.
function assertPosition(position: number): void {
  assert(
    Number.isSafeInteger(position) && position >= 0,
    `A position or size in a file must be a natural number, not ${position}`,
  );
}

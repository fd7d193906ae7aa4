import { execFileSync } from "node:child_process";
import { rmSync, statfsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

/** The last room of a disk is only found by small writes. */
const pieceSizes: readonly number[] = [1024 * 1024, 64 * 1024, 4096, 1];

/** Files of somebody else on the same file system, who does not ask before he fills it. */
export class Ballast {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What everybody else could write. */
  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#directory);
    return bavail * bsize;
  }

  /** Takes, for good, all but so much. */
  leave(bytes: number): void {
    const length = this.freeBytes - bytes;
    execFileSync("fallocate", ["--length", String(length), join(this.#directory, "standing")]);
  }

  /** Takes everything that is left, down to the last byte, as fast as it goes. */
  async fill(): Promise<void> {
    await using file = await open(this.#path, "a");
    for (const size of pieceSizes) {
      const piece = Buffer.alloc(size, 1);
      try {
        while ((await file.write(piece)).bytesWritten === size) continue;
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    }
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  get #path(): string {
    return join(this.#directory, "ballast");
  }
}

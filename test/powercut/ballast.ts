import { execFile, execFileSync } from "node:child_process";
import { existsSync, rmSync, statfsSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const execFileAsync = promisify(execFile);
const blockBytes = 4096;

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

  /** Takes everything that is left, down to the last block, at once. */
  async fill(): Promise<void> {
    for (let bytes = this.freeBytes; bytes >= blockBytes; bytes >>= 1) {
      while (await this.#take(bytes)) continue;
    }
  }

  /** Gives so many blocks of it back. */
  giveBack(blocks: number): void {
    const { size } = statSync(this.#path);
    truncateSync(this.#path, Math.max(0, size - blocks * blockBytes));
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  async #take(bytes: number): Promise<boolean> {
    const offset = existsSync(this.#path) ? statSync(this.#path).size : 0;
    const args = ["--offset", String(offset), "--length", String(bytes), this.#path];
    try {
      await execFileAsync("fallocate", args);
      return true;
    } catch (error) {
      if (error instanceof Error && error.message.includes("No space left")) return false;
      throw error;
    }
  }

  get #path(): string {
    return join(this.#directory, "ballast");
  }
}

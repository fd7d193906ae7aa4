import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const preload = new URL("skewed-process.ts", import.meta.url);

/** A broker's clock and disk, which can be told to be wrong and slow while it runs. */
export class ProcessSkew {
  readonly environment: Readonly<Record<string, string>>;
  readonly #path: string;

  constructor(directory: string, id: number) {
    this.#path = join(directory, `${id}.skew`);
    this.environment = {
      NODE_OPTIONS: `--import=${preload.href}`,
      ROPEWALK_TEST_SKEW: this.#path,
    };
    this.set({});
  }

  /** `clockMs`: how far its clock is ahead. `flushMs`: how much longer a flush of its disk takes. */
  set({ clockMs = 0, flushMs = 0 }: { clockMs?: number; flushMs?: number }): void {
    writeFileSync(`${this.#path}.new`, `${clockMs} ${flushMs}`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}

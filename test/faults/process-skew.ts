import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const preload = new URL("skewed-process.ts", import.meta.url);

/** How a process differs from one that is well. */
export interface Skew {
  /** For so long its event loop is blocked, again and again. */
  readonly blockMs?: number;
  /** So far its clock is ahead. */
  readonly clockMs?: number;
  /** So much longer a flush of its disk takes. */
  readonly flushMs?: number;
}

/** A broker's clock, disk and event loop, which can be told to be wrong and slow while it runs. */
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

  /** What is not named is as it should be. */
  set({ blockMs = 0, clockMs = 0, flushMs = 0 }: Skew): void {
    writeFileSync(`${this.#path}.new`, `${clockMs} ${flushMs} ${blockMs}`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import process from "node:process";

/** Takes 90 % of one processor, in portions of 100 ms. */
const spinner = `
  const portionMs = 100;
  setInterval(() => {
    const endMs = performance.now() + 0.9 * portionMs;
    while (performance.now() < endMs);
  }, portionMs);
`;

/** Processes that keep every processor busy at 90 % until they are disposed of. */
export class Spinners implements Disposable {
  readonly #children: readonly ChildProcess[] = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ["-e", spinner], { stdio: "ignore" }),
  );

  get allRun(): boolean {
    return this.#children.every(({ exitCode }) => exitCode === null);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

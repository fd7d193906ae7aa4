import { Worker } from "node:worker_threads";
import type { ComposeAnswer, ComposeFailure, ComposeJob } from "./compose-job.ts";

/** While one waits for the disk, the other one copies; more gained nothing where that was measured. */
const threadCount = 2;

/** The threads that compose files. Every job of a file is done by the same one, in order. */
export class FileComposer {
  readonly #threads: readonly ComposeThread[] = Array.from(
    { length: threadCount },
    () => new ComposeThread(),
  );
  #files = 0;

  /** A number for a file that is to be composed. */
  takeFile(): number {
    return ++this.#files;
  }

  /** Has a job done, after all before it; `moved` is memory that is given away. Resolves with what failed. */
  do(
    file: number,
    jobOf: (number: number) => ComposeJob,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<ComposeFailure | undefined> {
    const thread = this.#threads[file % threadCount];
    if (thread === undefined) throw new RangeError(`no thread for file ${file}`);
    return thread.do(jobOf, moved);
  }
}

/** Started where there is something to compose; keeps no process alive. */
class ComposeThread {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, (failure: ComposeFailure | undefined) => void>();
  #jobs = 0;

  do(
    jobOf: (number: number) => ComposeJob,
    moved: readonly ArrayBuffer[],
  ): Promise<ComposeFailure | undefined> {
    let worker: Worker;
    try {
      worker = this.#worker ??= this.#start();
    } catch (error) {
      // The system allows no more threads.
      return Promise.resolve(threadFailure(error));
    }
    const number = ++this.#jobs;
    const done = new Promise<ComposeFailure | undefined>((resolve) => {
      this.#waiting.set(number, resolve);
    });
    worker.ref();
    worker.postMessage(jobOf(number), moved);
    return done;
  }

  #start(): Worker {
    const here = import.meta.url;
    const extension = here.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./compose-worker.${extension}`, here), { execArgv: [] });
    worker.on("message", (answer: ComposeAnswer) => this.#answered(worker, answer));
    worker.on("error", (error: Error) => this.#ended(worker, error));
    worker.on("exit", () => this.#ended(worker, new Error("the thread that composes files ended")));
    return worker;
  }

  #answered(worker: Worker, { failure, job }: ComposeAnswer): void {
    const resolve = this.#waiting.get(job);
    this.#waiting.delete(job);
    if (this.#waiting.size === 0) worker.unref();
    resolve?.(failure);
  }

  // Files that were open there are none to another one, which is started when it is needed.
  #ended(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const resolve of waiting) resolve(threadFailure(error));
  }
}

function threadFailure(error: unknown): ComposeFailure {
  const message = error instanceof Error ? error.message : String(error);
  return { of: "target", code: undefined, message };
}

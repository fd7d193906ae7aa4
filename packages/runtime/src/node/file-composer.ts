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

  /** Has a job done, after all before it. Resolves with what failed. */
  do(file: number, jobOf: (number: number) => ComposeJob): Promise<ComposeFailure | undefined> {
    const thread = this.#threads[file % threadCount];
    if (thread === undefined) throw new RangeError(`no thread for file ${file}`);
    return thread.do(jobOf);
  }
}

/** Messages on their way to a thread or back: one is worked on while the other one waits. */
const messagesAtOnce = 2;

/** Jobs in one message: who is told of the first one waits for the last. */
const jobsPerMessageMax = 16;

/**
 * Started where there is something to compose; keeps no process alive. To tell another thread something costs as much
 * as a small job: those that come while it is busy are told together, and their ends, too.
 */
class ComposeThread {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, (failure: ComposeFailure | undefined) => void>();
  #untold: ComposeJob[] = [];
  #messages = 0;
  #jobs = 0;

  do(jobOf: (number: number) => ComposeJob): Promise<ComposeFailure | undefined> {
    const number = ++this.#jobs;
    const done = new Promise<ComposeFailure | undefined>((resolve) => {
      this.#waiting.set(number, resolve);
    });
    this.#untold.push(jobOf(number));
    if (this.#untold.length === 1) queueMicrotask(() => this.#tell());
    return done;
  }

  #tell(): void {
    while (this.#untold.length > 0 && this.#messages < messagesAtOnce) {
      const jobs = this.#untold.splice(0, jobsPerMessageMax);
      try {
        const worker = (this.#worker ??= this.#start());
        worker.ref();
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
        worker.postMessage(jobs);
        this.#messages++;
      } catch (error) {
        // The system allows no more threads. One that there is may still work on what it was told: it is ended first.
        void this.#worker?.terminate();
        this.#worker = undefined;
        this.#messages = 0;
        this.#giveUp(error);
      }
    }
  }

  #start(): Worker {
    const here = import.meta.url;
    const extension = here.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./compose-worker.${extension}`, here), { execArgv: [] });
    worker.on("message", (answers: readonly ComposeAnswer[]) => this.#answered(worker, answers));
    worker.on("error", (error: Error) => this.#ended(worker, error));
    worker.on("exit", () => this.#ended(worker, new Error("the thread that composes files ended")));
    return worker;
  }

  #answered(worker: Worker, answers: readonly ComposeAnswer[]): void {
    if (this.#worker !== worker) return;
    this.#messages--;
    for (const { failure, job } of answers) {
      const resolve = this.#waiting.get(job);
      this.#waiting.delete(job);
      resolve?.(failure);
    }
    if (this.#waiting.size === 0) worker.unref();
    // After what those who were answered want next.
    queueMicrotask(() => this.#tell());
  }

  // Files that were open there are none to another one, which is started when it is needed.
  #ended(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#messages = 0;
    this.#giveUp(error);
  }

  #giveUp(error: unknown): void {
    this.#untold = [];
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const resolve of waiting) resolve(threadFailure(error));
  }
}

function threadFailure(error: unknown): ComposeFailure {
  const message = error instanceof Error ? error.message : String(error);
  return { of: "target", code: undefined, message };
}

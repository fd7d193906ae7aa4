import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { waitFor } from "../cluster/wait-for.ts";
import { freezeProcess } from "./freeze-process.ts";
import { reportDescriptor, type WriterReport, type WriterTask } from "./writer-report.ts";

const writerPath = fileURLToPath(new URL("store-writer.ts", import.meta.url));
const deadlineMs = 60_000;

/** A writer's process, as its parent sees it. */
export class WriterProcess {
  readonly #child: ChildProcess;
  readonly #read: Promise<unknown>;
  readonly #closed: Promise<unknown>;
  #stderr = "";

  /** `onReport` hears every report in order, also those that were on their way when the writer died. */
  constructor(task: WriterTask, onReport: (report: WriterReport) => void) {
    const args = ["--conditions=source", "--no-warnings", writerPath, JSON.stringify(task)];
    this.#child = spawn(process.execPath, args, {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#closed = new Promise((resolve) => this.#child.once("close", resolve));
    const input = this.#child.stdio[reportDescriptor];
    assert(input instanceof Readable, "the pipe of reports");
    const lines = createInterface({ input });
    this.#read = new Promise((resolve) => lines.once("close", resolve));
    lines.on("line", (line) => {
      // A writer that is killed may leave half a line: then it did not say it.
      if (line.endsWith("}")) onReport(JSON.parse(line) as WriterReport);
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits for a condition that its reports bring about, or for its end. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const told = (): string => `the writer says ${what}; ${this.#stderr}`;
    await waitFor(told, deadlineMs, () => condition() || this.hasEnded);
  }

  /** Stops it in the middle of whatever it does; it says nothing more. */
  freeze(): Promise<void> {
    return freezeProcess(this.#child);
  }

  /** Ends it at once; resolves when all it said was heard. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
    await this.#read;
    if (this.#stderr !== "") throw new Error(`the writer said: ${this.#stderr}`);
  }
}

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { waitFor } from "./wait-for.ts";

/** The command line, as the checkout runs it. */
export const ropewalkPath = fileURLToPath(
  new URL("../../packages/cli/bin/ropewalk.js", import.meta.url),
);

/** How a command is run. */
export interface CommandOptions {
  readonly bootstrapServers?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** The working directory; that of the test unless said otherwise. */
  readonly directory?: string;
}

const endMs = 60_000;

/**
 * A command that runs beside the test. Everything it prints is kept. Disposing of it ends it at once
 * where it still runs.
 */
export class RunningCommand implements AsyncDisposable {
  /** Resolves when the process has ended and all it printed was read; null: it died of a signal. */
  readonly ended: Promise<number | null>;
  readonly #name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];

  private constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.#name = name;
    this.#child = child;
    child.stdin.on("error", () => undefined); // The command may end before it has read everything.
    child.stdout.on("data", (chunk: Buffer) => this.#stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    this.ended = new Promise((resolve) => child.once("close", resolve));
  }

  /** Starts `ropewalk` with its standard input open. */
  static ropewalk(args: readonly string[], options: CommandOptions = {}): RunningCommand {
    const child = spawn(process.execPath, [ropewalkPath, ...args], spawnOptions(options));
    return new RunningCommand(`ropewalk ${args.join(" ")}`, child);
  }

  /** Starts another program of the checkout: one that npm linked. */
  static linked(
    name: string,
    args: readonly string[],
    options: CommandOptions = {},
  ): RunningCommand {
    const path = fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url));
    return new RunningCommand(
      `${name} ${args.join(" ")}`,
      spawn(path, args, spawnOptions(options)),
    );
  }

  /** Starts a line that somebody would type at a shell. */
  static shell(line: string, options: CommandOptions = {}): RunningCommand {
    return new RunningCommand(line, spawn("sh", ["-c", line], spawnOptions(options)));
  }

  get stdin(): Writable {
    return this.#child.stdin;
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until it has printed this on standard output. */
  async prints(what: string | RegExp, deadlineMs: number = endMs): Promise<void> {
    const told = (): string => `${this.#name} prints ${String(what)}; ${this.#output()}`;
    await waitFor(told, deadlineMs, () => {
      const text = this.stdout.toString();
      if (typeof what === "string" ? text.includes(what) : what.test(text)) return true;
      if (this.hasEnded) throw new Error(`it ended before ${told()}`);
      return false;
    });
  }

  /** Waits until it ends; answers its exit status. */
  async ends(deadlineMs: number = endMs): Promise<number | null> {
    await waitFor(
      () => `${this.#name} ends; ${this.#output()}`,
      deadlineMs,
      () => this.hasEnded,
    );
    return this.ended;
  }

  /** Sends it a signal: SIGINT is a Ctrl-C, SIGKILL a crash. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.hasEnded) this.#child.kill("SIGKILL");
    await this.ended;
  }

  #output(): string {
    return `it printed ${JSON.stringify(this.stdout.toString())}, on stderr ${JSON.stringify(this.stderr)}`;
  }
}

function spawnOptions({ bootstrapServers, directory, environment }: CommandOptions): {
  cwd: string;
  env: NodeJS.ProcessEnv;
} {
  const env: NodeJS.ProcessEnv = { ...process.env, ...environment };
  if (bootstrapServers !== undefined) {
    env["ROPEWALK_BOOTSTRAP_SERVERS"] = bootstrapServers.join(",");
  }
  return { cwd: directory ?? process.cwd(), env };
}

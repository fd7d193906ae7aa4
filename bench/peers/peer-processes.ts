import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { waitFor } from "../../test/cluster/wait-for.ts";
import { endWithUs } from "../cluster/end-with-us.ts";
import type { ProcessUsage } from "../cluster/process-usage.ts";
import { treeUsage } from "./process-tree.ts";

const readyMsMax = 180_000;
const clientMsMax = 600_000;
const lookMs = 100;

/** What a client program printed, and what it took. */
export interface ClientRun {
  readonly output: string;
  readonly cpuSeconds: number;
  readonly residentBytesMax: number;
}

/** The processes of a peer, and the directory with their data. Disposing ends the ones and removes the other. */
export class PeerProcesses implements AsyncDisposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "ropewalk-peer-"));
  readonly #servers = new Map<string, ChildProcess>();
  readonly #ending: Disposable = endWithUs(() => {
    for (const server of this.#servers.values()) killGroup(server);
    rmSync(this.directory, { recursive: true, force: true });
  });

  /** Starts a server in a process group of its own; what it prints goes to a file. */
  spawn(
    name: string,
    program: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): void {
    const log = openSync(this.#logPath(name), "a");
    const server = spawn(program, args, {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...environment },
      cwd: this.directory,
      detached: true,
    });
    closeSync(log);
    this.#servers.set(name, server);
  }

  /** What each server has taken so far, with the processes below it. */
  usages(): readonly ProcessUsage[] {
    return [...this.#servers.values()].map(({ pid }) => treeUsage(pid ?? 0));
  }

  /** Resolves when something listens at each of these ports of this machine. */
  async listening(ports: readonly number[]): Promise<void> {
    for (const port of ports) {
      const what = (): string => `something listens at port ${port}; ${this.#lastWords()}`;
      await waitFor(what, readyMsMax, () => accepts(port));
    }
  }

  /** Runs a client to its end. Rejects with what it printed where it fails. */
  run(
    program: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ClientRun> {
    return runClient(program, args, { ...process.env, ...environment }, this.directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending[Symbol.dispose]();
    await Promise.all([...this.#servers.values()].map(endGroup));
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  #logPath(name: string): string {
    return join(this.directory, `${name}.log`);
  }

  #lastWords(): string {
    const words = [...this.#servers.keys()].map((name) => {
      const text = readFileSync(this.#logPath(name), "utf8").trimEnd();
      return `${name}: ${text.split("\n").slice(-5).join("\n")}`;
    });
    return `its servers said\n${words.join("\n")}`;
  }
}

function runClient(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<ClientRun> {
  const { promise, reject, resolve } = Promise.withResolvers<ClientRun>();
  const child = spawn(program, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let last: ProcessUsage = { cpuMs: 0, residentBytes: 0 };
  let residentBytesMax = 0;
  const take = (text: Buffer): void => void (output += text.toString());
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  // What a process took is gone with it: it is asked while it runs.
  const looking = setInterval(() => {
    const usage = treeUsage(child.pid ?? 0);
    if (usage.cpuMs >= last.cpuMs) last = usage;
    residentBytesMax = Math.max(residentBytesMax, usage.residentBytes);
  }, lookMs);
  const timer = setTimeout(() => child.kill("SIGKILL"), clientMsMax);
  child.once("error", reject);
  child.once("close", (status) => {
    clearInterval(looking);
    clearTimeout(timer);
    if (status === 0) resolve({ output, cpuSeconds: last.cpuMs / 1000, residentBytesMax });
    else
      reject(new Error(`${program} ended with ${status ?? "a signal"}:\n${output.slice(-2000)}`));
  });
  return promise;
}

async function endGroup(server: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => server.once("exit", resolve));
  if (killGroup(server)) await ended;
}

/** Ends a server and what it has started; answers whether it ran. */
function killGroup(server: ChildProcess): boolean {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null)
    return false;
  process.kill(-server.pid, "SIGKILL");
  return true;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const answer = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", () => answer(true)).once("error", () => answer(false));
  });
}

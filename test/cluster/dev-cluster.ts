import { expect } from "vitest";
import { freePortBase } from "./free-ports.ts";
import { RunningCommand } from "./running-command.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** What a start is told beyond its directory and its first port. */
export interface DevStart {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** A first port for `ropewalk dev`: those of three brokers, for clients, peers and HTTP, are free. */
export function freeDevPortBase(): Promise<number> {
  return freePortBase([0, 1, 2, 10, 11, 12, 20, 21, 22]);
}

/** `ropewalk dev`, typed in a directory and ready. */
export class DevCluster implements AsyncDisposable {
  readonly portBase: number;
  readonly command: RunningCommand;

  private constructor(portBase: number, command: RunningCommand) {
    this.portBase = portBase;
    this.command = command;
  }

  static async start(
    directory: string,
    portBase: number,
    start: DevStart = {},
  ): Promise<DevCluster> {
    const { args = [], environment = {} } = start;
    const command = RunningCommand.ropewalk(["dev", "--port-base", String(portBase), ...args], {
      directory,
      environment,
    });
    try {
      await command.prints("Ctrl-C stops.");
      return new DevCluster(portBase, command);
    } catch (error) {
      await command[Symbol.asyncDispose]();
      throw error;
    }
  }

  get bootstrapServers(): string[] {
    return [0, 1, 2].map((i) => `127.0.0.1:${this.portBase + i}`);
  }

  /** Ctrl-C. Status 0 says that all brokers stopped within the time that `dev` gives them. */
  async stop(): Promise<void> {
    this.command.signal("SIGINT");
    const status = await this.command.ends();
    expect({ status, stderr: this.command.stderr }).toEqual({ status: 0, stderr: "" });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.command[Symbol.asyncDispose]();
  }
}

/** A cluster with a directory of its own, both gone when it is disposed of. */
export class ScratchCluster implements AsyncDisposable {
  readonly bootstrapServers: readonly string[];
  readonly #directory: TemporaryDirectory;
  readonly #cluster: DevCluster;

  private constructor(directory: TemporaryDirectory, cluster: DevCluster) {
    this.#directory = directory;
    this.#cluster = cluster;
    this.bootstrapServers = cluster.bootstrapServers;
  }

  static async start(): Promise<ScratchCluster> {
    const directory = new TemporaryDirectory();
    try {
      const cluster = await DevCluster.start(directory.path, await freeDevPortBase());
      return new ScratchCluster(directory, cluster);
    } catch (error) {
      directory[Symbol.dispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
    this.#directory[Symbol.dispose]();
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { freePorts } from "./free-ports.ts";
import { ropewalkPath } from "./running-command.ts";
import { waitFor } from "./wait-for.ts";

interface BrokerPorts {
  readonly client: number;
  readonly peer: number;
  readonly http: number;
}

/** What differs from a broker that is started as usual. */
export interface BrokerChanges {
  /** Where other brokers reach it, for somebody stands between. */
  readonly advertisedPeerPort?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly rack?: string;
}

/**
 * What runs in the processes: the product, a broker that takes the same flags and has a small log, or one whose small
 * log has files that take what is kept for the time when the disk is full.
 */
export type BrokerProgram = "product" | "smallLog" | "smallDisk";

const smallLog = [
  "--conditions=source",
  fileURLToPath(new URL("small-log-broker.ts", import.meta.url)),
];

const programs: Readonly<Record<BrokerProgram, readonly string[]>> = {
  product: [ropewalkPath, "broker"],
  smallLog,
  smallDisk: [...smallLog, "--journal-file-kib", "2048"],
};

const readyMs = 60_000;
const stopMs = 30_000;

/**
 * A cluster of real broker processes on this machine, each with its own data directory, as somebody
 * would start it by hand. Disposing of it kills what is left and removes the data.
 */
export class ProcessCluster {
  readonly directory: string;
  readonly #ports: readonly BrokerPorts[];
  readonly #program: readonly string[];
  readonly #founderCount: number;
  readonly #processes = new Map<number, ChildProcess>();
  readonly #changes = new Map<number, BrokerChanges>();

  private constructor(
    directory: string,
    ports: readonly BrokerPorts[],
    program: BrokerProgram,
    founderCount: number,
  ) {
    this.directory = directory;
    this.#ports = ports;
    this.#program = programs[program];
    this.#founderCount = founderCount;
  }

  /** Broker ids are 1 to `brokerCount`; the first `founderCount` form the cluster. Nothing runs yet. */
  static async prepare(
    brokerCount: number,
    program: BrokerProgram = "product",
    founderCount: number = brokerCount,
  ): Promise<ProcessCluster> {
    const directory = mkdtempSync(join(tmpdir(), "ropewalk-cluster-"));
    const free = await freePorts(brokerCount * 3);
    const ports = Array.from({ length: brokerCount }, (_, i) => ({
      client: free[i * 3] ?? 0,
      peer: free[i * 3 + 1] ?? 0,
      http: free[i * 3 + 2] ?? 0,
    }));
    return new ProcessCluster(directory, ports, program, founderCount);
  }

  /** The same, with all brokers started and ready. */
  static async start(brokerCount: number, program?: BrokerProgram): Promise<ProcessCluster> {
    const cluster = await ProcessCluster.prepare(brokerCount, program);
    try {
      for (const id of cluster.brokerIds) cluster.spawn(id);
      await cluster.ready();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  get brokerIds(): readonly number[] {
    return this.#ports.map((_, i) => i + 1);
  }

  get bootstrapServers(): string[] {
    return this.#ports.map(({ client }) => `127.0.0.1:${client}`);
  }

  /** Brokers that were started, and neither stopped nor killed. */
  get runningIds(): readonly number[] {
    return [...this.#processes.keys()].toSorted((a, b) => a - b);
  }

  /** Where clients reach brokers. */
  addressesOf(ids: readonly number[]): string[] {
    return ids.map((id) => `127.0.0.1:${this.clientPort(id)}`);
  }

  httpUrl(id: number): string {
    return `http://127.0.0.1:${this.#portsOf(id).http}`;
  }

  peerPort(id: number): number {
    return this.#portsOf(id).peer;
  }

  clientPort(id: number): number {
    return this.#portsOf(id).client;
  }

  /** The process of a broker that runs. */
  pid(id: number): number {
    const pid = this.#processes.get(id)?.pid;
    if (pid === undefined) throw new Error(`broker ${id} does not run`);
    return pid;
  }

  dataDirectory(id: number): string {
    return join(this.directory, String(id));
  }

  /** Everything the broker has logged in all its lives. */
  log(id: number): string {
    return readFileSync(join(this.directory, `${id}.log`), "utf8");
  }

  /** From its next start on the broker is started like this. */
  change(id: number, changes: BrokerChanges): void {
    this.#changes.set(id, changes);
  }

  /** Starts one broker, and tells it of these; `ready` waits for it. */
  spawn(id: number, peerIds: readonly number[] = this.#founderIds): ChildProcess {
    const { client, http, peer } = this.#portsOf(id);
    const { environment = {}, rack } = this.#changes.get(id) ?? {};
    const peers = peerIds.map((each) => `${each}=127.0.0.1:${this.#advertised(each)}`).join(",");
    const args = [...this.#program, "--id", String(id), "--peers", peers];
    args.push("--data-dir", this.dataDirectory(id));
    args.push("--listen", `127.0.0.1:${client}`, "--advertise", `127.0.0.1:${client}`);
    args.push(
      "--peer-listen",
      `127.0.0.1:${peer}`,
      "--peer-advertise",
      `127.0.0.1:${this.#advertised(id)}`,
    );
    if (rack !== undefined) args.push("--rack", rack);
    args.push("--http-listen", `127.0.0.1:${http}`);
    const log = openSync(join(this.directory, `${id}.log`), "a");
    const env = { ...process.env, ...environment };
    const child = spawn(process.execPath, args, { stdio: ["ignore", log, log], env });
    closeSync(log);
    this.#processes.set(id, child);
    return child;
  }

  /** Waits until the brokers that run say that clients may be sent to them. */
  async ready(): Promise<void> {
    for (const id of this.#processes.keys()) {
      await waitFor(
        () => `broker ${id} is ready; its log:\n${this.log(id)}`,
        readyMs,
        async () => {
          const answer = await fetch(`${this.httpUrl(id)}/readyz`).catch(() => undefined);
          return answer?.status === 200;
        },
      );
    }
  }

  /** Sends a broker's process a signal that does not end it: SIGSTOP and SIGCONT. */
  signal(id: number, signal: "SIGSTOP" | "SIGCONT"): void {
    this.#processes.get(id)?.kill(signal);
  }

  /** Ends one broker at once, as a crash would. */
  async kill(id: number): Promise<void> {
    await this.#end(id, "SIGKILL");
  }

  /** Asks one broker to stop; answers its exit status. */
  async stop(id: number): Promise<number | null> {
    return this.#end(id, "SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((id) => this.kill(id)));
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #end(id: number, signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#processes.get(id);
    if (child === undefined) return null;
    this.#processes.delete(id);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await waitFor(`broker ${id} ends after ${signal}`, stopMs, () => hasEnded(child));
    }
    return child.exitCode;
  }

  get #founderIds(): readonly number[] {
    return this.brokerIds.slice(0, this.#founderCount);
  }

  #advertised(id: number): number {
    return this.#changes.get(id)?.advertisedPeerPort ?? this.#portsOf(id).peer;
  }

  #portsOf(id: number): BrokerPorts {
    const ports = this.#ports[id - 1];
    if (ports === undefined) throw new Error(`there is no broker ${id}`);
    return ports;
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

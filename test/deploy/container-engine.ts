/** Podman with a store of its own, so that nothing of the machine's containers is seen or touched. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import process from "node:process";

// runc and cgroupfs work on machines without systemd and on both versions of cgroups; the limits
// are low enough for a root user that may not raise its own.
const CONTAINERS_CONF = `
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
`;

/** How a container stands; `exitCode` counts only when it does not run. */
export interface ContainerState {
  readonly running: boolean;
  readonly exitCode: number;
}

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

export class ContainerEngine implements AsyncDisposable {
  readonly #directory: string;
  readonly #options: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;

  /** Keeps images, containers and networks under `directory`, which it owns. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    const configuration = join(directory, "containers.conf");
    writeFileSync(configuration, CONTAINERS_CONF);
    this.#environment = { ...process.env, CONTAINERS_CONF: configuration };
    this.#options = [
      `--root=${join(directory, "store")}`,
      `--runroot=${join(directory, "run")}`,
      `--tmpdir=${join(directory, "tmp")}`,
      `--network-config-dir=${join(directory, "networks")}`,
    ];
  }

  /** Why containers cannot run on this machine; `undefined` when they can. */
  static missing(): string | undefined {
    if (process.getuid?.() !== 0) return "containers of other users need root";
    for (const tool of ["podman", "runc"]) {
      if (spawnSync(tool, ["--version"]).status !== 0) return `${tool} is not installed`;
    }
    return undefined;
  }

  /**
   * Runs podman with text on its standard input; answers its standard output. Throws with all that
   * it printed when it fails.
   */
  async podman(arguments_: readonly string[], input = ""): Promise<string> {
    const { code, output, errors } = await this.#run(arguments_, input);
    if (code === 0) return output;
    const command = `podman ${arguments_.join(" ")}`;
    throw new Error(`${command} ended with ${String(code)}:\n${output}${errors}`);
  }

  /** Builds an image from the files of a directory and the lines of a Dockerfile. */
  async buildFrom(directory: string, tag: string, lines: readonly string[]): Promise<void> {
    const file = join(directory, "Dockerfile");
    writeFileSync(file, `${lines.join("\n")}\n`);
    await this.podman(["build", "--pull=never", "-q", "-f", file, "-t", tag, directory]);
  }

  async state(container: string): Promise<ContainerState> {
    const format = "{{.State.Running}} {{.State.ExitCode}}";
    const [running, exitCode] = (await this.podman(["inspect", "--format", format, container]))
      .trim()
      .split(" ");
    return { running: running === "true", exitCode: Number(exitCode) };
  }

  /** The container's address on a network. */
  async address(container: string, network: string): Promise<string> {
    const format = `{{.NetworkSettings.Networks.${network}.IPAddress}}`;
    return (await this.podman(["inspect", "--format", format, container])).trim();
  }

  /** What the container printed, both streams, at most the last `lines`. */
  async logs(container: string, lines: number): Promise<string> {
    const { output, errors } = await this.#run(["logs", "--tail", String(lines), container], "");
    return output + errors;
  }

  /** Removes every container, network and image of this store, then the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.podman(["rm", "--all", "--force", "--time", "0"]);
    await this.podman(["network", "prune", "--force"]);
    await this.podman(["rmi", "--all", "--force"]);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #run(arguments_: readonly string[], input: string): Promise<Outcome> {
    const child = spawn("podman", [...this.#options, ...arguments_], { env: this.#environment });
    child.stdin.on("error", () => {}); // A program may end before it has read all: its exit code tells.
    child.stdin.end(input);
    const closed = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    });
    const [output, errors, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      closed,
    ]);
    return { code, output, errors };
  }
}

/**
 * Runs the pods of one StatefulSet as containers, the way its controller and a kubelet would: a
 * name, a volume and DNS names per ordinal, the manifest's environment, security and limits, and
 * its probes. It never restarts a broker by itself, so one that gives up is seen.
 */
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ContainerEngine, ContainerState } from "./container-engine.ts";
import type { Container, Manifest, Probe, StatefulSet } from "./manifest.ts";
import { brokerContainer, pick } from "./manifest.ts";
import { podEnvironment } from "./pod-environment.ts";
import { SharedHostsFile } from "./shared-hosts-file.ts";

export type ProbeName = "startupProbe" | "livenessProbe" | "readinessProbe";

const NETWORK = "pods";

export class StatefulSetRunner {
  readonly #engine: ContainerEngine;
  readonly #directory: string;
  readonly #manifests: readonly Manifest[];
  readonly #set: StatefulSet;
  readonly #container: Container;
  readonly #hosts: SharedHostsFile;
  /** Addresses of the pods that run, by ordinal. */
  readonly #addresses = new Map<number, string>();

  /** `directory` exists; volumes are folders in it. */
  constructor(engine: ContainerEngine, directory: string, manifests: readonly Manifest[]) {
    this.#engine = engine;
    this.#directory = directory;
    this.#manifests = manifests;
    this.#set = pick(manifests, "StatefulSet");
    this.#container = brokerContainer(this.#set);
    this.#hosts = new SharedHostsFile(join(directory, "hosts"));
  }

  /** How long a pod may take to stop, in seconds. */
  get graceS(): number {
    return this.#set.spec.template.spec.terminationGracePeriodSeconds ?? 30;
  }

  podName(ordinal: number): string {
    return `${this.#set.metadata.name}-${String(ordinal)}`;
  }

  async createNetwork(): Promise<void> {
    await this.#engine.podman(["network", "create", "--disable-dns", NETWORK]);
  }

  /** Starts a new pod: a new container with a new address, on the volume of its ordinal. */
  async startPod(ordinal: number): Promise<void> {
    const name = this.podName(ordinal);
    const [program, ...programArguments] = this.#container.command ?? [];
    await this.#engine.podman([
      "run",
      "--detach",
      "--pull=never",
      `--name=${name}`,
      `--hostname=${name}`,
      ...this.#nameOptions(),
      `--publish=127.0.0.1::${String(this.#portNumber("http"))}`,
      ...this.#securityOptions(),
      ...this.#resourceOptions(),
      ...this.#environmentOptions(ordinal),
      ...this.#volumeOptions(ordinal),
      ...(program === undefined ? [] : [`--entrypoint=${program}`]),
      this.#container.image,
      ...programArguments,
      ...(this.#container.args ?? []),
    ]);
    this.#publishPod(ordinal, await this.#engine.address(name, NETWORK));
  }

  /**
   * Runs `ropewalk` once beside the pods, as `kubectl run` would, with the bootstrap service as its
   * cluster; answers what it printed and throws when it fails.
   */
  async runClient(input: string, arguments_: readonly string[]): Promise<string> {
    const service = pick(this.#manifests, "Service", this.#set.metadata.name);
    const host = service.metadata.name;
    // A service stands for the pods that are ready, and for no others.
    this.#hosts.publish(host, await this.#readyAddresses());
    return await this.#engine.podman(
      [
        "run",
        "--rm",
        "--interactive",
        "--pull=never",
        ...this.#nameOptions(),
        `--env=ROPEWALK_BOOTSTRAP_SERVERS=${host}:${String(service.spec.ports[0]?.port)}`,
        ...this.#securityOptions(),
        this.#container.image,
        ...arguments_,
      ],
      input,
    );
  }

  async podState(ordinal: number): Promise<ContainerState> {
    return await this.#engine.state(this.podName(ordinal));
  }

  async podLogs(ordinal: number, lines: number): Promise<string> {
    return await this.#engine.logs(this.podName(ordinal), lines);
  }

  /** SIGKILL, as when a machine is lost. */
  async killPod(ordinal: number): Promise<void> {
    await this.#engine.podman(["kill", "--signal=KILL", this.podName(ordinal)]);
    await this.#engine.podman(["wait", this.podName(ordinal)]);
    this.#publishPod(ordinal, undefined);
  }

  async removePod(ordinal: number): Promise<void> {
    await this.#engine.podman(["rm", this.podName(ordinal)]);
  }

  /** SIGTERM, then SIGKILL after the grace period; answers how the container ended. */
  async stopPod(ordinal: number): Promise<ContainerState> {
    const name = this.podName(ordinal);
    await this.#engine.podman(["stop", `--time=${String(this.graceS)}`, name]);
    this.#publishPod(ordinal, undefined);
    return await this.#engine.state(name);
  }

  /** Asks one probe once, from the machine through the loopback address. */
  async probe(ordinal: number, name: ProbeName): Promise<boolean> {
    const probe: Probe | undefined = this.#container[name];
    assert(probe?.httpGet !== undefined, `${name} is an HTTP probe`);
    const port = this.#portNumber(probe.httpGet.port);
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    try {
      const address = await this.#publishedAddress(ordinal, port);
      const answer = await fetch(`http://${address}${probe.httpGet.path}`, {
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.arrayBuffer();
      return answer.status >= 200 && answer.status < 400;
    } catch {
      return false; // Not listening yet, or no longer.
    }
  }

  async #publishedAddress(ordinal: number, port: number): Promise<string> {
    const line = await this.#engine.podman(["port", this.podName(ordinal), `${String(port)}/tcp`]);
    return line.trim();
  }

  async #readyAddresses(): Promise<readonly string[]> {
    const ready: string[] = [];
    for (const [ordinal, address] of this.#addresses) {
      if (await this.probe(ordinal, "readinessProbe")) ready.push(address);
    }
    return ready;
  }

  /** The headless service names every pod that runs, ready or not; `undefined` for one that ended. */
  #publishPod(ordinal: number, address: string | undefined): void {
    if (address === undefined) this.#addresses.delete(ordinal);
    else this.#addresses.set(ordinal, address);
    const service = pick(this.#manifests, "Service", this.#set.spec.serviceName);
    assert(service.spec.publishNotReadyAddresses === true, "pods have names before they are ready");
    const name = `${this.podName(ordinal)}.${service.metadata.name}`;
    const namespace = this.#set.metadata.namespace ?? "default";
    for (const form of [name, `${name}.${namespace}.svc`]) {
      this.#hosts.publish(form, address === undefined ? [] : [address]);
    }
  }

  #nameOptions(): readonly string[] {
    const hosts = `--volume=${this.#hosts.path}:/etc/hosts:ro`;
    return [`--network=${NETWORK}`, "--no-hosts", hosts];
  }

  #securityOptions(): readonly string[] {
    const pod = this.#set.spec.template.spec.securityContext ?? {};
    const own = this.#container.securityContext ?? {};
    const user = own.runAsUser ?? pod.runAsUser;
    return [
      ...(user === undefined ? [] : ["--user", `${String(user)}:${String(pod.runAsGroup ?? 0)}`]),
      ...(pod.fsGroup === undefined ? [] : ["--group-add", String(pod.fsGroup)]),
      ...(own.readOnlyRootFilesystem === true ? ["--read-only", "--read-only-tmpfs=false"] : []),
      ...(own.allowPrivilegeEscalation === false ? ["--security-opt", "no-new-privileges"] : []),
      ...(own.capabilities?.drop ?? []).map((capability) => `--cap-drop=${capability}`),
    ];
  }

  #resourceOptions(): readonly string[] {
    const memory = this.#container.resources?.limits?.["memory"];
    if (memory === undefined) return [];
    const limit = memory.replace(/i$/, "").toLowerCase(); // 1Gi is 1g to podman.
    return ["--memory", limit, "--memory-swap", limit];
  }

  #environmentOptions(ordinal: number): readonly string[] {
    const environment = podEnvironment(this.#container, this.#manifests, {
      name: this.podName(ordinal),
      namespace: this.#set.metadata.namespace ?? "default",
      nodeName: `node-${String(ordinal)}`,
    });
    return [...environment].flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  }

  #volumeOptions(ordinal: number): readonly string[] {
    const claims = new Set(this.#set.spec.volumeClaimTemplates.map((claim) => claim.metadata.name));
    return (this.#container.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
      const kind = claims.has(name) ? "claim" : "empty";
      const folder = join(this.#directory, `${kind}-${name}-${this.podName(ordinal)}`);
      this.#makeVolume(folder);
      return ["--volume", `${folder}:${mountPath}`];
    });
  }

  /** Root's own folder that the pod's group may write, which is what fsGroup makes of a volume. */
  #makeVolume(folder: string): void {
    mkdirSync(folder, { recursive: true });
    chownSync(folder, 0, this.#set.spec.template.spec.securityContext?.fsGroup ?? 0);
    chmodSync(folder, 0o2775);
  }

  #portNumber(port: number | string): number {
    if (typeof port === "number") return port;
    const named = this.#container.ports?.find((candidate) => candidate.name === port);
    assert(named !== undefined, `the container has a port named ${port}`);
    return named.containerPort;
  }
}

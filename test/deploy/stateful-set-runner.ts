/**
 * Runs the pods of one StatefulSet as containers, the way its controller and a kubelet would: a
 * name, a volume and DNS names per ordinal, the manifest's environment, security and limits, and
 * its probes. It never restarts a broker by itself, so one that gives up is seen.
 */
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ContainerEngine, ContainerState } from "./container-engine.ts";
import type { Container, Manifest, Probe, Service, StatefulSet } from "./manifest.ts";
import { brokerContainer, pick } from "./manifest.ts";
import { podEnvironment } from "./pod-environment.ts";

export type ProbeName = "startupProbe" | "livenessProbe" | "readinessProbe";

const NETWORK = "pods";

export class StatefulSetRunner {
  readonly #engine: ContainerEngine;
  readonly #directory: string;
  readonly #manifests: readonly Manifest[];
  readonly #set: StatefulSet;
  readonly #container: Container;

  /** Volumes are folders below `directory`. */
  constructor(engine: ContainerEngine, directory: string, manifests: readonly Manifest[]) {
    this.#engine = engine;
    this.#directory = directory;
    this.#manifests = manifests;
    this.#set = pick(manifests, "StatefulSet");
    this.#container = brokerContainer(this.#set);
  }

  get replicas(): number {
    return this.#set.spec.replicas;
  }

  /** How long a pod may take to stop, in seconds. */
  get graceS(): number {
    return this.#set.spec.template.spec.terminationGracePeriodSeconds ?? 30;
  }

  podName(ordinal: number): string {
    return `${this.#set.metadata.name}-${String(ordinal)}`;
  }

  async createNetwork(): Promise<void> {
    await this.#engine.podman(["network", "create", NETWORK]);
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
      ...this.#networkOptions(ordinal),
      ...this.#securityOptions(),
      ...this.#resourceOptions(),
      ...this.#environmentOptions(ordinal),
      ...this.#volumeOptions(ordinal),
      ...(program === undefined ? [] : [`--entrypoint=${program}`]),
      this.#container.image,
      ...programArguments,
      ...(this.#container.args ?? []),
    ]);
  }

  /**
   * Runs `ropewalk` once beside the pods, as `kubectl run` would, with the bootstrap service as its
   * cluster; answers what it printed and throws when it fails.
   */
  async runClient(input: string, arguments_: readonly string[]): Promise<string> {
    const service = pick(this.#manifests, "Service", this.#set.metadata.name);
    const address = `${service.metadata.name}:${String(service.spec.ports[0]?.port)}`;
    return await this.#engine.podmanWithInput(input, [
      "run",
      "--rm",
      "--interactive",
      "--pull=never",
      `--network=${NETWORK}`,
      `--env=ROPEWALK_BOOTSTRAP_SERVERS=${address}`,
      ...this.#securityOptions(),
      this.#container.image,
      ...arguments_,
    ]);
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
  }

  async removePod(ordinal: number): Promise<void> {
    await this.#engine.podman(["rm", this.podName(ordinal)]);
  }

  /** SIGTERM, then SIGKILL after the grace period; answers how the container ended. */
  async stopPod(ordinal: number): Promise<ContainerState> {
    const name = this.podName(ordinal);
    await this.#engine.podman(["stop", `--time=${String(this.graceS)}`, name]);
    return await this.#engine.state(name);
  }

  /** Asks one probe once, from the machine through the loopback address. */
  async probe(ordinal: number, name: ProbeName): Promise<boolean> {
    const probe: Probe | undefined = this.#container[name];
    assert(probe?.httpGet !== undefined, `${name} is an HTTP probe`);
    const port = this.#portNumber(probe.httpGet.port);
    const address = await this.#engine.podman([
      "port",
      this.podName(ordinal),
      `${String(port)}/tcp`,
    ]);
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    try {
      const answer = await fetch(`http://${address.trim()}${probe.httpGet.path}`, {
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.arrayBuffer();
      return answer.status >= 200 && answer.status < 400;
    } catch {
      return false; // Not listening yet, or no longer.
    }
  }

  #networkOptions(ordinal: number): readonly string[] {
    const namespace = this.#set.metadata.namespace ?? "default";
    const services = this.#manifests.filter(
      (manifest): manifest is Service => manifest.kind === "Service",
    );
    const names = services.flatMap((service) => {
      const host = service.metadata.name;
      const pods = host === this.#set.spec.serviceName ? [`${this.podName(ordinal)}.${host}`] : [];
      return [host, ...pods].flatMap((short) => [short, `${short}.${namespace}.svc`]);
    });
    const probePort = this.#portNumber("http");
    const dnsOptions = this.#set.spec.template.spec.dnsConfig?.options ?? [];
    return [
      `--network=${NETWORK}`,
      `--publish=127.0.0.1::${String(probePort)}`,
      ...names.map((alias) => `--network-alias=${alias}`),
      ...dnsOptions.map(({ name, value }) => `--dns-option=${name}:${value ?? ""}`),
    ];
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

import { createClient, type TopicDescription } from "@ropewalk/client";
import { freePorts } from "../cluster/free-ports.ts";
import type { NumberedStream } from "../cluster/numbered-stream.ts";
import { ProcessCluster } from "../cluster/process-cluster.ts";
import { SeededRandom } from "../cluster/seeded-random.ts";
import { waitFor } from "../cluster/wait-for.ts";
import { Ballast } from "../powercut/ballast.ts";
import { LoopVolume } from "../powercut/loop-volume.ts";
import { PeerWires } from "./peer-wires.ts";
import { ProcessSkew } from "./process-skew.ts";

const founderCount = 3;
const volumeBytes = 1024 * 1024 * 1024;
/** Records between two deeds, at most; what fits into a second or two. */
const progressMax = 3000;
const progressMs = 60_000;
/** A leader that is of no use gives up within 5 s; elections and what they find out come on top. */
const takeOverMs = 10_000;
const logLinesTold = 15;

/** A cluster of processes whose network, clocks and disks can be broken, and a load on it. */
export class FaultScene implements AsyncDisposable {
  readonly cluster: ProcessCluster;
  readonly wires: PeerWires;
  /** Every round has its own. */
  random: SeededRandom = new SeededRandom(0);
  readonly deeds: string[] = [];
  /** What runs at present. */
  stream: NumberedStream | undefined;
  readonly #skews = new Map<number, ProcessSkew>();
  readonly #volumes = new DisposableStack();
  readonly #client: ReturnType<typeof createClient>;

  private constructor(cluster: ProcessCluster, wires: PeerWires) {
    this.cluster = cluster;
    this.wires = wires;
    this.#client = createClient({ bootstrapServers: cluster.bootstrapServers });
  }

  /**
   * Three brokers form the cluster and run; `brokerCount` says how many there may be. `hasVolumes`: every broker's
   * data lies on a small file system of its own.
   */
  static async start({ brokerCount = founderCount, hasVolumes = false } = {}): Promise<FaultScene> {
    const cluster = await ProcessCluster.prepare(brokerCount, "product", founderCount);
    const scene = new FaultScene(cluster, new PeerWires());
    try {
      if (hasVolumes) scene.#makeVolumes();
      const doors = await freePorts(brokerCount);
      for (const [at, id] of cluster.brokerIds.entries()) await scene.#prepare(id, doors[at] ?? 0);
      for (const id of scene.brokerIds) cluster.spawn(id);
      await cluster.ready();
      return scene;
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The brokers that form the cluster. */
  get brokerIds(): readonly number[] {
    return this.cluster.brokerIds.slice(0, founderCount);
  }

  skew(id: number): ProcessSkew {
    const skew = this.#skews.get(id);
    if (skew === undefined) throw new Error(`there is no broker ${id}`);
    return skew;
  }

  /** Somebody else's files on the file system of a broker's data. */
  ballast(id: number): Ballast {
    return new Ballast(this.cluster.dataDirectory(id));
  }

  othersThan(id: number): readonly number[] {
    return this.brokerIds.filter((each) => each !== id);
  }

  /** Any broker. */
  anyBroker(): number {
    return this.#pick(this.brokerIds);
  }

  /** The broker that leads a partition of the load's topic. */
  async aLeader(): Promise<number> {
    const leaders = (await this.describeTopic()).partitions.map(({ leaderId }) => leaderId);
    return this.#pick(leaders.filter((id) => id !== 0));
  }

  /** A broker that leads nothing of the load's topic; any broker where each leads something. */
  async aFollower(): Promise<number> {
    const { partitions } = await this.describeTopic();
    const leaders = new Set(partitions.map(({ leaderId }) => leaderId));
    const followers = this.brokerIds.filter((id) => !leaders.has(id));
    return this.#pick(followers.length > 0 ? followers : this.brokerIds);
  }

  async controllerLeader(): Promise<number> {
    return (await this.#client.admin().describeCluster()).controllerId;
  }

  /** A whole number of milliseconds in [min, max). */
  duration(minMs: number, maxMs: number): number {
    return minMs + this.random.integer(maxMs - minMs);
  }

  note(deed: string): void {
    this.deeds.push(`${deed} after ${this.stream?.acknowledgedCount ?? 0} records`);
  }

  /** Waits until some more records are acknowledged: how many decides at which moment the next deed comes. */
  async progress(countMin = 1): Promise<void> {
    const { stream } = this;
    if (stream === undefined) throw new Error("nothing is being written");
    const count = stream.acknowledgedCount + countMin + this.random.integer(progressMax);
    const what = (): string =>
      `${count} records are acknowledged, not ${stream.acknowledgedCount}; ${this.describe()}`;
    await waitFor(what, progressMs, () => stream.acknowledgedCount >= count);
  }

  /** The others lead everything, and take records, before the broker is of use again. */
  async goesOnWithout(victim: number): Promise<void> {
    const startMs = performance.now();
    const [witness = 1] = this.othersThan(victim);
    const bootstrapServers = [`127.0.0.1:${this.cluster.clientPort(witness)}`];
    await using client = createClient({ bootstrapServers });
    let leaders: readonly number[] = [];
    await waitFor(
      () => `others than ${victim} lead; leaders are ${leaders.join(", ")}; ${this.describe()}`,
      takeOverMs,
      async () => {
        leaders = (await this.describeTopic(client)).partitions.map(({ leaderId }) => leaderId);
        return leaders.every((id) => id !== 0 && id !== victim);
      },
    );
    this.note(`others than ${victim} led within ${Math.round(performance.now() - startMs)} ms`);
    await this.progress();
  }

  /** What was done and what the brokers said last, for the report of a failure. */
  describe(): string {
    const tails = this.brokerIds.map((id) => {
      return `broker ${id}:\n${this.cluster.log(id).split("\n").slice(-logLinesTold).join("\n")}`;
    });
    return `${this.deeds.join("\n")}\n${tails.join("\n")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
    await this.wires[Symbol.asyncDispose]();
    await Promise.all(this.brokerIds.map((id) => this.cluster.kill(id)));
    this.#volumes.dispose();
    await this.cluster[Symbol.asyncDispose]();
  }

  #makeVolumes(): void {
    for (const id of this.brokerIds) {
      const mountPoint = this.cluster.dataDirectory(id);
      const imagePath = `${mountPoint}.img`;
      const volume = { fileSystem: "ext4", imagePath, mountPoint, volumeBytes } as const;
      this.#volumes.use(LoopVolume.create(volume));
    }
  }

  async #prepare(id: number, advertisedPeerPort: number): Promise<void> {
    const skew = new ProcessSkew(this.cluster.directory, id);
    this.#skews.set(id, skew);
    this.cluster.change(id, { advertisedPeerPort, environment: skew.environment });
    await this.wires.open(id, advertisedPeerPort, this.cluster.peerPort(id));
  }

  /** The load's topic as it is. */
  describeTopic(client = this.#client): Promise<TopicDescription> {
    if (this.stream === undefined) throw new Error("nothing is being written");
    return client.admin().describeTopic(this.stream.topic);
  }

  #pick(ids: readonly number[]): number {
    return ids[this.random.integer(ids.length)] ?? 1;
  }
}

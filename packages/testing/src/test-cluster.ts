import { RopewalkClient } from "@ropewalk/client";
import {
  type BrokerMachine,
  clientHosts,
  SimulatedChannels,
  type SimulatedCluster,
  type SimulatedProcess,
  type World,
} from "@ropewalk/simulation";
import { attendedClient } from "./attended-client.ts";
import { ClusterClock } from "./cluster-clock.ts";
import { type ClusterTime, drivenTime } from "./cluster-time.ts";
import { type Duration, durationMs } from "./duration.ts";
import { TestingError } from "./testing-error.ts";

/** One side of a partition: brokers by id, and "client" for all clients of the test. */
export type Side = readonly (number | "client")[];

/** How another client differs. */
export interface ConnectOptions {
  /** How it names itself to brokers. Default "ropewalk-client". */
  readonly clientId?: string | undefined;
}

interface AttachedClient {
  readonly client: RopewalkClient;
  readonly process: SimulatedProcess;
}

/** What a cluster is made of; `startCluster` and `simulate` know. */
export interface ClusterParts {
  readonly world: World;
  readonly machines: SimulatedCluster;
  readonly time: ClusterTime;
  /** A process for a client. */
  readonly newProcess: (host: string) => SimulatedProcess;
  /** Resolves when what the brokers had of the real world is given back; they are dead by then. */
  readonly closed: () => Promise<void>;
}

/** How long a broker may take to get ready, in the cluster's time. */
const readyMsMax = 60_000;
/** How often a broker is asked whether it is, in the cluster's time. */
const readyCheckMs = 2;
/** How often it is asked who leads, in the cluster's time. */
const leaderCheckMs = 100;
/** How long a broker may take to stop, in the cluster's time. */
const stopMsMax = 30_000;
/** How long clients may take to flush and leave their groups, in the cluster's time. */
const closeMsMax = 10_000;

const clientHost = clientHosts[0] ?? "client-1";

/**
 * A cluster of real brokers in this thread, on a network and disks in memory. Brokers are called by their ids, 1 to
 * the number of them. Every method that takes one throws NO_SUCH_BROKER where there is none, and CLUSTER_CLOSED after
 * `close`.
 */
export class TestCluster implements AsyncDisposable {
  /** The cluster's time. */
  readonly clock: ClusterClock;
  readonly #parts: ClusterParts;
  readonly #clients = new Map<RopewalkClient, AttachedClient>();
  #clientCount = 0;
  #client: RopewalkClient | undefined;
  #closing: Promise<void> | undefined;

  /** Made by `startCluster` and `simulate`. */
  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.clock = new ClusterClock(parts.world.loop, parts.time);
  }

  /** A client of this cluster, the same each time; `connect` makes others. */
  get client(): RopewalkClient {
    return (this.#client ??= this.connect());
  }

  /** The ids of all brokers, whether they run or not. */
  get brokerIds(): readonly number[] {
    return this.#machines.map(({ brokerId }) => brokerId);
  }

  /** Where clients find the brokers, as "host:port": in the real world after `startCluster({ listen: true })`. */
  get bootstrapServers(): readonly string[] {
    return this.#parts.machines.bootstrapServers;
  }

  /** Another client, as of another process: with its own connections and its own knowledge of the cluster. */
  connect(options: ConnectOptions = {}): RopewalkClient {
    this.#assertOpen("connect");
    const { machines, time, world } = this.#parts;
    const process = this.#parts.newProcess(clientHost);
    const client = new RopewalkClient({
      bootstrapServers: machines.bootstrapServers,
      clientId: options.clientId,
      clock: process,
      random: world.random.fork(`client-${this.#clientCount++}`),
      channels: new SimulatedChannels(world, process),
    });
    const given = time === drivenTime ? client : attendedClient(client, time, process);
    this.#clients.set(given, { client, process });
    return given;
  }

  /**
   * A client's process ends at once: what it had not sent or committed is lost, nobody is told, and nothing that is
   * waited for from it ever comes. The next `client` is another one. Throws INVALID_OPTION where it is none of this cluster.
   */
  crash(client: RopewalkClient): void {
    this.#assertOpen("crash a client");
    const attached = this.#clients.get(client);
    if (attached === undefined) {
      throw new TestingError("INVALID_OPTION", "Cannot crash a client that another cluster made");
    }
    attached.process.die("kill");
    this.#clients.delete(client);
    if (client === this.#client) this.#client = undefined;
    this.#parts.time.disturbed();
  }

  /** Whether a broker's process runs. */
  isRunning(brokerId: number): boolean {
    return this.#machine(brokerId, "look at").process?.isAlive === true;
  }

  /** Ends a broker's process at once (SIGKILL). What the operating system had of its writes stays. */
  kill(brokerId: number): void {
    this.#disturb(brokerId, "kill", (machine) => this.#parts.machines.kill(machine, "kill"));
  }

  /** The power of a broker's machine goes: what was not synced is lost in part or wholly, and nobody is told. */
  losePower(brokerId: number): void {
    this.#disturb(brokerId, "cut the power of", (machine) =>
      this.#parts.machines.kill(machine, "power"),
    );
  }

  /**
   * Stops a broker as a deployment does: it hands its leadership over first, and is killed where it does not end within
   * half a minute of the cluster's time. Resolves when it has ended.
   */
  async stop(brokerId: number): Promise<void> {
    const machine = this.#machine(brokerId, "stop");
    const { broker, process } = machine;
    const stopped = broker?.stop() ?? Promise.resolve();
    const died = new Promise<void>((resolve) => process?.onDeath(() => resolve()));
    const ended = Promise.race([stopped, died, this.#passed(stopMsMax)]);
    if (process?.isAlive === true) await this.#parts.time.waitFor(ended);
    this.#parts.machines.kill(machine, "kill");
    this.#parts.time.disturbed();
  }

  /**
   * Starts a broker with the data that it has; stops it first where it runs. Resolves when it can serve; rejects with
   * NOT_READY where it cannot, for example without a majority, within a minute of the cluster's time.
   */
  async restart(brokerId: number): Promise<void> {
    const machine = this.#machine(brokerId, "restart");
    if (machine.process?.isAlive === true) await this.stop(brokerId);
    this.#parts.machines.start(machine);
    await this.#parts.time.waitFor(this.#ready([machine]));
    this.#parts.time.disturbed();
  }

  /** A broker's process stands still (SIGSTOP, a long garbage collection) until `resume`. Throws BROKER_NOT_RUNNING. */
  pause(brokerId: number): void {
    this.#disturb(brokerId, "pause", (machine) => processOf(machine, "pause").pause());
  }

  /** Lets a paused broker go on; all that has arrived meanwhile reaches it now. Throws BROKER_NOT_RUNNING. */
  resume(brokerId: number): void {
    this.#disturb(brokerId, "resume", (machine) => processOf(machine, "resume").resume());
  }

  /** Every operation of a broker's disk takes so much longer, until told otherwise; 0 mends it. */
  slowDisk(brokerId: number, by: Duration): void {
    this.#disturb(brokerId, "slow the disk of", ({ disk }) => (disk.stallMs = durationMs(by)));
  }

  /** A broker's disk has room for so many bytes more, 0 unless told otherwise; `Infinity` mends it. */
  fillDisk(brokerId: number, bytesLeft = 0): void {
    this.#disturb(brokerId, "fill the disk of", ({ disk }) => {
      disk.bytesMax = disk.usedBytes() + bytesLeft;
    });
  }

  /**
   * Cuts the network between two sides, in both directions: `partition([1], [2, 3])`. Who is on no side reaches both;
   * clients do unless "client" is on one. Partitions add up until `heal`.
   */
  partition(one: Side, other: Side): void {
    for (const from of this.#hosts(one)) {
      for (const to of this.#hosts(other)) {
        this.#parts.world.links.cut(from, to);
        this.#parts.world.links.cut(to, from);
      }
    }
    this.#parts.time.disturbed();
  }

  /** Mends the network. */
  heal(): void {
    this.#assertOpen("heal the network");
    this.#parts.world.links.healAll();
    this.#parts.time.disturbed();
  }

  /**
   * The broker that leads a partition of a topic; waits for an election that is under way. Rejects with INVALID_OPTION
   * where there is no such partition, with NOT_READY where none leads it within a minute of the cluster's time.
   */
  async leaderOf(topic: string, partition = 0): Promise<number> {
    const admin = this.client.admin();
    const endMs = this.clock.elapsedMs + readyMsMax;
    while (this.clock.elapsedMs < endMs) {
      const { partitions } = await admin.describeTopic(topic);
      const described = partitions[partition];
      if (described === undefined) {
        const message = `Cannot find the leader of ${topic}-${partition}: the topic has ${partitions.length} partitions`;
        throw new TestingError("INVALID_OPTION", message);
      }
      const { leaderId } = described;
      if (leaderId !== 0 && this.isRunning(leaderId)) return leaderId;
      await this.clock.advance(leaderCheckMs);
    }
    const message = `${topic}-${partition} had no leader for ${readyMsMax / 1000} s of the cluster's time: do a majority of its replicas reach each other?`;
    throw new TestingError("NOT_READY", message);
  }

  /** The last things that happened in the cluster, for people: deaths, elections, warnings, with the cluster's time. */
  events(count = 50): readonly string[] {
    return this.#parts.world.trace.lastLines(count);
  }

  /** Starts all brokers that do not run. Resolves and rejects as `ready`. */
  start(): Promise<void> {
    this.#assertOpen("start the brokers");
    this.#parts.machines.startAll();
    return this.ready();
  }

  /** Resolves when all brokers that run can serve. Rejects with NOT_READY or BROKER_FAILED. */
  async ready(): Promise<void> {
    const running = this.#machines.filter(({ process }) => process?.isAlive === true);
    await this.#parts.time.waitFor(this.#ready(running));
  }

  /**
   * Closes all clients, which flush and leave their groups, and ends the brokers. Rejects with BROKER_FAILED where one
   * had ended by itself.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { machines, time } = this.#parts;
    const clients = Promise.all(this.#clients.values().map(({ client }) => client.close()));
    await time.waitFor(Promise.race([clients, this.#passed(closeMsMax)]));
    for (const machine of this.#machines) {
      // What is open in the real world must be given back.
      if (machine.process?.isAlive === true) machines.kill(machine, "kill");
    }
    time.stop();
    await this.#parts.closed();
    this.#assertSound();
  }

  get #machines(): readonly BrokerMachine[] {
    return this.#parts.machines.machines;
  }

  #machine(brokerId: number, action: string): BrokerMachine {
    this.#assertOpen(`${action} broker ${brokerId}`);
    const machine = this.#machines.find((each) => each.brokerId === brokerId);
    if (machine !== undefined) return machine;
    const message = `Cannot ${action} broker ${brokerId}: the cluster has brokers ${this.brokerIds.join(", ")}`;
    throw new TestingError("NO_SUCH_BROKER", message);
  }

  #disturb(brokerId: number, action: string, harm: (machine: BrokerMachine) => void): void {
    harm(this.#machine(brokerId, action));
    this.#parts.time.disturbed();
  }

  #hosts(side: Side): readonly string[] {
    return side.map((id) => (id === "client" ? clientHost : this.#machine(id, "cut off").host));
  }

  async #ready(machines: readonly BrokerMachine[]): Promise<void> {
    const { loop } = this.#parts.world;
    const endMs = loop.nowMs + readyMsMax;
    for (;;) {
      this.#assertSound();
      const missing = machines.find(({ broker }) => broker?.isReady() !== true);
      if (missing === undefined) return;
      if (loop.nowMs >= endMs) throw notReady(missing);
      await this.#passed(readyCheckMs);
    }
  }

  #passed(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.world.loop.schedule(delayMs, resolve));
  }

  #assertOpen(action: string): void {
    if (this.#closing === undefined) return;
    throw new TestingError("CLUSTER_CLOSED", `Cannot ${action}: the cluster is closed`);
  }

  #assertSound(): void {
    const [failure] = this.#parts.machines.failures;
    if (failure === undefined) return;
    const message = `${failure}; please report it, with these events:\n${this.events().join("\n")}`;
    throw new TestingError("BROKER_FAILED", message);
  }
}

function processOf({ brokerId, process }: BrokerMachine, action: string): SimulatedProcess {
  if (process?.isAlive === true) return process;
  const message = `Cannot ${action} broker ${brokerId}: it does not run`;
  throw new TestingError("BROKER_NOT_RUNNING", message);
}

function notReady({ brokerId }: BrokerMachine): TestingError {
  const message = `Broker ${brokerId} was not ready after ${readyMsMax / 1000} s of the cluster's time: does it reach a majority of the brokers?`;
  return new TestingError("NOT_READY", message);
}

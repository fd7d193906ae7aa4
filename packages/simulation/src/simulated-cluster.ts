import {
  Broker,
  type BrokerConfig,
  type BrokerLimits,
  type ClientDoor,
  type GrpcDoorOptions,
  type RaftObserver,
} from "@ropewalk/broker";
import type { GroupWatch } from "./checks/group-watch.ts";
import type { RaftWatch } from "./checks/raft-watch.ts";
import type { StoppedBroker } from "./checks/replica-check.ts";
import { withWatchedCommits } from "./checks/watched-commits.ts";
import { MetadataVoters } from "./metadata-voters.ts";
import { GrpcDoor } from "./world/grpc-door.ts";
import { MachineDisk } from "./world/machine-disk.ts";
import {
  type ClockFault,
  type Death,
  SimulatedProcess,
  soundClock,
} from "./world/simulated-process.ts";
import type { World } from "./world/world.ts";

/** Which version of the broker a machine runs: this one, or one that knows neither its frames nor its feature level. */
export type BrokerVersion = "older" | "newer";

/** What a broker of the version before says of itself. */
const olderVersion: Pick<BrokerConfig, "featureLevels" | "peerVersions"> = {
  featureLevels: { min: 1, max: 1 },
  peerVersions: { min: 1, max: 1 },
};

/** A machine that runs a broker, when it does. */
export interface BrokerMachine {
  readonly brokerId: number;
  readonly host: string;
  readonly disk: MachineDisk;
  /** Where clients find its broker, as "host:port". */
  address: string;
  process: SimulatedProcess | undefined;
  broker: Broker | undefined;
  clock: ClockFault;
  /** What it starts next time. A machine without any data gets the newer one. */
  version: BrokerVersion;
  /** It is never started again. */
  isLost: boolean;
}

/** What a cluster has that is no part of a run. */
export interface ClusterSetting {
  /** Bounds of the log; default: so small that every edge is met within seconds. */
  readonly log?: BrokerConfig["log"];
  /** By what part of one clocks run too fast or too slow. Default 0.01: a quartz is off by less. */
  readonly drift?: number | undefined;
  /** What the first brokers are; default: newer. */
  readonly firstVersion?: BrokerVersion | undefined;
  /** Sees what replicas do. */
  readonly watch?: RaftWatch | undefined;
  /** Sees what consumer groups commit; only beside `watch`. */
  readonly groupWatch?: GroupWatch | undefined;
  /** Opens a port of the real world for a broker, beside its simulated one; clients are told of it alone. */
  readonly openPort?:
    | ((machine: BrokerMachine, options: GrpcDoorOptions) => Promise<ClientDoor>)
    | undefined;
}

/** Where ports of the real world are. */
const realHost = "127.0.0.1";

const ports = { client: 7700, peer: 7710, http: 7720 } as const;

/** Files so small that every edge is met within seconds. */
const smallLog: NonNullable<BrokerConfig["log"]> = {
  journalBytesMax: 512 * 1024,
  fileBytesMax: 128 * 1024,
  fillAheadBytes: 32 * 1024,
  flushBytesMax: 256 * 1024,
  cacheBytesMax: 64 * 1024,
  segmentBytesMax: 64 * 1024,
  chunkCacheBytesMax: 256 * 1024,
  indexCacheBytesMax: 64 * 1024,
  diskReserveBytes: 64 * 1024,
};

/** What a broker still holds so long after its stop is a leak. */
const leakAfterMs = 1500;

/** How long a broker may take to stop before it is killed. */
const stopMsMax = 15_000;

/** A cluster of real brokers in a simulated world. */
export class SimulatedCluster {
  readonly #machines: BrokerMachine[];
  /** The brokers that form the cluster; those that are added later are told of them. */
  readonly #founderCount: number;
  readonly #world: World;
  readonly #limits: Partial<BrokerLimits>;
  readonly #setting: ClusterSetting;
  readonly #voters = new MetadataVoters();
  /** Machines that ran a broker since they were empty. */
  readonly #begun = new Set<BrokerMachine>();
  /** Why a broker ended that nobody ended. */
  readonly failures: string[] = [];

  constructor(
    world: World,
    brokerCount: number,
    limits: Partial<BrokerLimits> = {},
    setting: ClusterSetting = {},
  ) {
    this.#world = world;
    this.#limits = limits;
    this.#setting = setting;
    this.#founderCount = brokerCount;
    const { firstVersion = "newer" } = setting;
    this.#machines = Array.from({ length: brokerCount }, (_, row) =>
      this.#newMachine(row + 1, firstVersion),
    );
  }

  get machines(): readonly BrokerMachine[] {
    return this.#machines;
  }

  /** Where clients find brokers. */
  get bootstrapServers(): readonly string[] {
    return this.machines.map(({ address }) => address);
  }

  startAll(): void {
    for (const machine of this.machines) this.start(machine);
  }

  /** Starts the broker of a machine, unless it runs. */
  start(machine: BrokerMachine): void {
    if (machine.process?.isAlive === true || machine.isLost) return;
    const { trace } = this.#world;
    trace.tell(machine.host, machine.version === "older" ? "starts, older" : "starts");
    this.#world.network.machineIsBack(machine.host);
    const process = new SimulatedProcess(this.#world.loop, machine.host, machine.clock);
    machine.process = process;
    if (machine.disk.hasRotted) this.#setting.watch?.forget(machine.brokerId);
    Broker.start(this.#config(machine), this.#world.runtimeOf(process, machine.disk), {
      hasProcessMetrics: false,
      raftObserver: this.#voters.observe(machine.brokerId, this.#observerOf(machine)),
      openDoor: (options) => this.#openDoor(machine, process, options),
    }).then(
      (broker) => {
        if (machine.process !== process) return;
        machine.broker = broker;
        this.#begun.add(machine);
      },
      (error: unknown) => {
        if (!process.isAlive) return;
        trace.tell(machine.host, `does not start: ${String(error)}`);
        process.die("kill");
        // On a full or broken disk it may refuse to start; it is started again when all is mended.
        if (machine.disk.bytesMax === Number.POSITIVE_INFINITY && !machine.disk.isBroken) {
          this.failures.push(`${machine.host} does not start: ${String(error)}`);
        }
      },
    );
  }

  #observerOf({ brokerId }: BrokerMachine): RaftObserver | undefined {
    const { groupWatch, watch } = this.#setting;
    const observer = watch?.observe(brokerId);
    return observer === undefined ? undefined : (groupWatch?.observe(observer) ?? observer);
  }

  /** Ends the broker of a machine at once. */
  kill(machine: BrokerMachine, death: Death): void {
    if (machine.process?.isAlive !== true) return;
    this.#world.trace.tell(machine.host, death === "kill" ? "is killed" : "loses power");
    machine.process.die(death);
    machine.broker = undefined;
    if (death === "power") machine.disk.losePower();
  }

  /** Stops the broker of a machine cleanly, if it can within a while, and starts it again, unless its machine is given up meanwhile. */
  async restart(machine: BrokerMachine): Promise<void> {
    const { broker, process } = machine;
    if (process?.isAlive !== true || broker === undefined) return;
    this.#world.trace.tell(machine.host, "stops");
    await new Promise<void>((resolve) => {
      process.onDeath(() => resolve());
      // Not by the clock of the process: one that is paused for good would never be given up.
      this.#world.loop.schedule(stopMsMax, resolve);
      broker.stop().then(resolve, resolve);
    });
    // Somebody may have killed it meanwhile: then it is not ours to start.
    if (!process.isAlive || machine.process !== process || machine.isLost) return;
    process.die("kill");
    machine.broker = undefined;
    this.start(machine);
  }

  /** A machine of the same name without any data: its broker comes as a new one. */
  replace(machine: BrokerMachine): void {
    this.kill(machine, "power");
    this.#world.trace.tell(machine.host, "is replaced");
    this.wipe(machine);
    this.start(machine);
  }

  /** Whether the cluster survives the loss of what a machine has on disk. */
  canSpare({ brokerId }: BrokerMachine): boolean {
    return this.#voters.spare(brokerId);
  }

  /** Everything on a machine's disk is gone. */
  wipe(machine: BrokerMachine): void {
    machine.disk.wipe();
    machine.version = "newer";
    this.#begun.delete(machine);
    this.#voters.forget(machine.brokerId);
    this.#setting.watch?.forget(machine.brokerId);
  }

  /** Starts a broker on one more machine. */
  grow(): BrokerMachine {
    const machine = this.#newMachine(this.#machines.length + 1, "newer");
    this.#machines.push(machine);
    this.start(machine);
    return machine;
  }

  /** Stops every broker cleanly. */
  async stopAll(): Promise<void> {
    await Promise.all(this.machines.map((machine) => this.#stop(machine)));
    for (const machine of this.machines) {
      machine.process?.die("kill");
      machine.broker = undefined;
    }
  }

  /** A broker that was stopped has given everything back, or does in a moment: pauses that nobody ends end by themselves. */
  async #stop({ broker, host, isLost, process }: BrokerMachine): Promise<void> {
    if (broker === undefined || isLost || process?.isAlive !== true) return;
    await broker.stop();
    if (process.holdings.describe() !== undefined) {
      await new Promise<void>((resolve) => void this.#world.loop.schedule(leakAfterMs, resolve));
    }
    const held = process.holdings.describe();
    if (held !== undefined) this.failures.push(`leak: ${host} was stopped and holds ${held}`);
  }

  /** Disks, for looking at what stopped brokers have stored; but for those that have rotted, as is known, and those that no broker has begun with. */
  stoppedBrokers(): StoppedBroker[] {
    const hasJournal = (path: string): boolean => /^data\/log\/journal-.*\.log$/.test(path);
    const sound = this.machines.filter(
      (machine) =>
        !machine.disk.hasRotted &&
        (this.#begun.has(machine) || machine.disk.paths().some(hasJournal)),
    );
    return sound.map(({ disk, host }) => {
      const process = new SimulatedProcess(this.#world.loop, host);
      return { host, runtime: this.#world.runtimeOf(process, disk) };
    });
  }

  async #openDoor(
    machine: BrokerMachine,
    process: SimulatedProcess,
    options: GrpcDoorOptions,
  ): Promise<ClientDoor> {
    const { doors } = this.#world;
    const real = await this.#setting.openPort?.(machine, options);
    if (real !== undefined) machine.address = `${realHost}:${real.port}`;
    const { address } = machine;
    const close = (): Promise<void> => {
      if (doors.get(address) === door) doors.delete(address);
      return real?.close() ?? Promise.resolve();
    };
    const services = withWatchedCommits(options.services, this.#setting.groupWatch);
    const door = new GrpcDoor(process, real?.port ?? ports.client, services, close);
    doors.set(address, door);
    return door;
  }

  #config({ brokerId, host, version }: BrokerMachine): BrokerConfig {
    const at = (port: number): { host: string; port: number } => ({ host, port });
    // The door says which port it has.
    const isReal = this.#setting.openPort !== undefined;
    const advertise = isReal ? { host: realHost, port: 0 } : at(ports.client);
    return {
      brokerId,
      dataDirectory: "data",
      client: { listen: at(ports.client), advertise },
      peer: { listen: at(ports.peer), advertise: at(ports.peer) },
      http: { listen: at(ports.http) },
      bootstrap: this.#machines.slice(0, this.#founderCount).map((each) => ({
        brokerId: each.brokerId,
        address: { host: each.host, port: ports.peer },
      })),
      rack: "",
      limits: this.#limits,
      log: this.#setting.log ?? smallLog,
      ...(version === "older" ? olderVersion : {}),
    };
  }

  #newMachine(brokerId: number, version: BrokerVersion): BrokerMachine {
    const { drift = 0.01 } = this.#setting;
    const { random } = this.#world;
    const rate = 1 + random.fork(`clock-${brokerId}`).between(-drift, drift);
    const host = `broker-${brokerId}`;
    return {
      brokerId,
      host,
      disk: new MachineDisk(random.fork(`disk-${brokerId}`)),
      address: `${host}:${ports.client}`,
      process: undefined,
      broker: undefined,
      clock: { ...soundClock, rate },
      version,
      isLost: false,
    };
  }
}

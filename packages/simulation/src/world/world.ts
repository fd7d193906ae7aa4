import type { Listener, Logger, LogFields, Runtime } from "@ropewalk/runtime";
import { EventLoop } from "./event-loop.ts";
import type { OpenDoors } from "./grpc-door.ts";
import type { MachineDisk } from "./machine-disk.ts";
import { SeededRandom } from "./seeded-random.ts";
import { type DiskSpeed, SimulatedDisk } from "./simulated-disk.ts";
import { type LinkQuality, SimulatedLinks } from "./simulated-links.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { SimulatedStores } from "./simulated-stores.ts";
import { Trace } from "./trace.ts";

/** What the world of one run is like. */
export interface WorldOptions {
  readonly seed: string;
  readonly link: LinkQuality;
  readonly disk: DiskSpeed;
  /** Hears every line of the trace. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** What more than so many events in one second would be taken for a storm; absent: nothing is. */
  readonly eventsPerSecondMax?: number | undefined;
}

/** Time, links and doors that all processes of a run share. */
export class World {
  readonly loop: EventLoop;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly links: SimulatedLinks;
  readonly network: SimulatedNetwork;
  readonly doors: OpenDoors = new Map();
  /** What processes logged as errors. */
  readonly errors: string[] = [];
  readonly #disk: DiskSpeed;
  #processes = 0;

  constructor({ disk, eventsPerSecondMax, link, onLine, seed }: WorldOptions) {
    this.loop = new EventLoop(eventsPerSecondMax);
    this.random = new SeededRandom(seed);
    this.trace = new Trace(this.loop, onLine);
    this.links = new SimulatedLinks(this.loop, this.random.fork("links"), link);
    this.network = new SimulatedNetwork(this.links, this.trace);
    this.#disk = disk;
  }

  /** What a process on this machine is given as the world. */
  runtimeOf(process: SimulatedProcess, machine: MachineDisk): Runtime {
    const random = this.random.fork(`${process.host}/${this.#processes++}`);
    const disk = new SimulatedDisk(machine, process, random.fork("disk"), this.#disk, this.trace);
    return {
      clock: process,
      random: random.fork("own"),
      disk,
      network: this.network.of(process),
      http: { serve: ({ port }) => Promise.resolve(silentListener(port)) },
      keyValueStores: new SimulatedStores(machine, disk),
      logger: traceLogger(this.trace, process, (line) => void this.errors.push(line)),
    };
  }
}

function silentListener(port: number): Listener {
  return { port, close: () => Promise.resolve() };
}

/** Warnings and errors go to the trace. */
function traceLogger(
  trace: Trace,
  process: SimulatedProcess,
  onError: (line: string) => void,
): Logger {
  const tell = (level: string) => (message: string, fields?: LogFields) => {
    if (!process.isAlive) return;
    const line = `${message}${textOf(fields)}`;
    trace.tell(process.host, `${level} ${line}`);
    if (level === "error") onError(`${process.host}: ${line}`);
  };
  const logger: Logger = {
    debug() {},
    info: tell("info"),
    warn: tell("warn"),
    error: tell("error"),
    child: () => logger,
  };
  return logger;
}

function textOf(fields: LogFields | undefined): string {
  if (fields === undefined) return "";
  const words = Object.entries(fields).map(([name, value]) => {
    if (value instanceof Error) return `${name}=${value.message}`;
    return `${name}=${JSON.stringify(value)}`;
  });
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

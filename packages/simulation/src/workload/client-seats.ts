import { RopewalkClient } from "@ropewalk/client";
import { SimulatedChannels } from "../world/grpc-channels.ts";
import { Holdings } from "../world/holdings.ts";
import { SimulatedProcess } from "../world/simulated-process.ts";
import type { World } from "../world/world.ts";
import { ClientClock } from "./client-clock.ts";

/** The hosts of clients. */
export const clientHosts: readonly string[] = ["client-1", "client-2", "client-3"];

/** A client and the process that it lives in. */
export interface ClientSeat {
  readonly client: RopewalkClient;
  readonly process: SimulatedProcess;
  /** What the client has taken from its process, and not given back. */
  readonly holdings: Holdings;
}

/** What a client still holds so long after it was closed is a leak. */
const leakAfterMs = 1500;

/** All clients of a run. */
export class ClientSeats {
  readonly #world: World;
  readonly #bootstrapServers: readonly string[];
  readonly #open = new Set<ClientSeat>();
  #count = 0;
  /** What clients did not give back when they were closed. */
  readonly leaks: string[] = [];

  constructor(world: World, bootstrapServers: readonly string[]) {
    this.#world = world;
    this.#bootstrapServers = bootstrapServers;
  }

  /** A client in a process of its own; rows go round the hosts. */
  open(row: number): ClientSeat {
    const host = clientHosts[row % clientHosts.length] ?? "client-1";
    const process = new SimulatedProcess(this.#world.loop, host);
    const holdings = new Holdings();
    const client = new RopewalkClient({
      bootstrapServers: this.#bootstrapServers,
      clock: new ClientClock(process, holdings),
      random: this.#world.random.fork(`client-${this.#count++}`),
      channels: new SimulatedChannels(this.#world, process, holdings),
    });
    const seat = { client, process, holdings };
    this.#open.add(seat);
    return seat;
  }

  /** The process is killed: nobody says goodbye. */
  crash(seat: ClientSeat): void {
    this.#open.delete(seat);
    seat.process.die("kill");
  }

  /** Closes a client, which gives everything back, or does in a moment: pauses that nobody ends end by themselves. */
  async close(seat: ClientSeat): Promise<void> {
    const { client, holdings, process } = seat;
    this.#open.delete(seat);
    await client.close();
    if (holdings.describe() === undefined) return;
    await new Promise<void>((resolve) => void this.#world.loop.schedule(leakAfterMs, resolve));
    const held = holdings.describe();
    if (held === undefined || !process.isAlive) return;
    this.leaks.push(`leak: a client on ${process.host} was closed and holds ${held}`);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open].map((seat) => this.close(seat)));
  }
}

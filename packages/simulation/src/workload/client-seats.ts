import { RopewalkClient } from "@ropewalk/client";
import { SimulatedChannels } from "../world/grpc-channels.ts";
import { SimulatedProcess } from "../world/simulated-process.ts";
import type { World } from "../world/world.ts";

/** The hosts of clients. */
export const clientHosts: readonly string[] = ["client-1", "client-2", "client-3"];

/** A client and the process that it lives in. */
export interface ClientSeat {
  readonly client: RopewalkClient;
  readonly process: SimulatedProcess;
}

/** All clients of a run. */
export class ClientSeats {
  readonly #world: World;
  readonly #bootstrapServers: readonly string[];
  readonly #open = new Set<ClientSeat>();
  #count = 0;

  constructor(world: World, bootstrapServers: readonly string[]) {
    this.#world = world;
    this.#bootstrapServers = bootstrapServers;
  }

  /** A client in a process of its own; rows go round the hosts. */
  open(row: number): ClientSeat {
    const host = clientHosts[row % clientHosts.length] ?? "client-1";
    const process = new SimulatedProcess(this.#world.loop, host);
    const client = new RopewalkClient({
      bootstrapServers: this.#bootstrapServers,
      clock: process,
      random: this.#world.random.fork(`client-${this.#count++}`),
      channels: new SimulatedChannels(this.#world, process),
    });
    const seat = { client, process };
    this.#open.add(seat);
    return seat;
  }

  /** The process is killed: nobody says goodbye. */
  crash(seat: ClientSeat): void {
    this.#open.delete(seat);
    seat.process.die("kill");
  }

  async close(seat: ClientSeat): Promise<void> {
    this.#open.delete(seat);
    await seat.client.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open].map((seat) => this.close(seat)));
  }
}

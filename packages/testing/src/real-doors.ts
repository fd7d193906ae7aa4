import { type ClientDoor, GrpcDoor, type GrpcDoorOptions } from "@ropewalk/broker";
import type { Clock } from "@ropewalk/runtime";
import { NodeClock } from "@ropewalk/runtime/node";
import type { BrokerMachine } from "@ropewalk/simulation";

/** Ports of the real world, one for each broker, the same again when it comes back. */
export class RealDoors {
  readonly #ports = new Map<number, number>();
  readonly #closing = new Map<number, Promise<void>>();

  /** Opens the door of a broker, and closes it when the broker dies. Rejects where the port is taken by then. */
  async open(machine: BrokerMachine, options: GrpcDoorOptions): Promise<ClientDoor> {
    const { brokerId, process } = machine;
    await this.#closing.get(brokerId);
    const listen = { host: "127.0.0.1", port: this.#ports.get(brokerId) ?? 0 };
    const door = await GrpcDoor.open({ ...options, listen, clock: impatient });
    this.#ports.set(brokerId, door.port);
    const close = (): void => void this.#closing.set(brokerId, door.close());
    if (process?.isAlive === true) process.onDeath(close);
    else close();
    return door;
  }

  /** Resolves when no port is open any more; the brokers are dead by then. */
  async closed(): Promise<void> {
    await Promise.all(this.#closing.values());
  }
}

/** Whoever closes a door of a dead broker does not wait until calls end. */
const nodeClock = new NodeClock();
const impatient: Clock = {
  monotonicMs: () => nodeClock.monotonicMs(),
  wallMs: () => nodeClock.wallMs(),
  setTimer: (_, callback) => nodeClock.setTimer(0, callback),
  defer: (callback) => nodeClock.defer(callback),
};

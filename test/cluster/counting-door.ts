import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Listens in the place of somebody who is gone, and counts who comes. */
export class CountingDoor {
  connectionCount = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => {
      this.connectionCount += 1;
      socket.destroy();
    });
  }

  static async open(port: number): Promise<CountingDoor> {
    const door = new CountingDoor();
    door.#server.listen(port, "127.0.0.1");
    await once(door.#server, "listening");
    return door;
  }

  /** Gives the port back; harmless where that was done. */
  close(): Promise<void> {
    return new Promise((resolve) => void this.#server.close(() => resolve()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

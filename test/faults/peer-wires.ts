import { createServer, connect, type Server, type Socket } from "node:net";
import { frameHeaderBytes } from "../../packages/broker/src/peer/frame-header.ts";
import { decodeHello } from "../../packages/broker/src/peer/hello.ts";

/** Both ends of a connection between two brokers, and which way is which. */
interface Wire {
  readonly dialer: number;
  readonly target: number;
  readonly inbound: Socket;
  readonly outbound: Socket;
}

/**
 * The network between brokers: one door before each, through which the others reach it. The hello that begins
 * every connection says who comes, so that bytes can be held back by sender and receiver. What is held arrives
 * when the way is free again, as after a partition of a real network; new connections need both ways.
 */
export class PeerWires implements AsyncDisposable {
  readonly #wires = new Set<Wire>();
  readonly #waiting = new Map<Socket, () => void>();
  /** Directions in which nothing arrives, as "from>to". */
  readonly #cut = new Set<string>();
  readonly #servers: Server[] = [];

  /** Opens the door before a broker. */
  async open(target: number, doorPort: number, brokerPort: number): Promise<void> {
    const server = createServer((inbound) => this.#accept(inbound, target, brokerPort));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(doorPort, "127.0.0.1", resolve);
    });
  }

  /** Nothing that `from` sends arrives at `to` from now on. */
  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
    this.#settle();
  }

  /** Every way is free again. */
  heal(): void {
    this.#cut.clear();
    this.#settle();
    for (const proceed of this.#waiting.values()) proceed();
    this.#waiting.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { inbound, outbound } of this.#wires) {
      inbound.destroy();
      outbound.destroy();
    }
    for (const socket of this.#waiting.keys()) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((done) => server.close(done))));
  }

  #accept(inbound: Socket, target: number, brokerPort: number): void {
    inbound.on("error", () => inbound.destroy());
    inbound.once("data", (hello) => {
      inbound.pause();
      const dialer = decodeHello(hello.subarray(frameHeaderBytes)).brokerId;
      const proceed = (): void => this.#join(inbound, hello, { dialer, target, brokerPort });
      if (this.#isCut(dialer, target) || this.#isCut(target, dialer)) {
        this.#waiting.set(inbound, proceed);
        inbound.once("close", () => this.#waiting.delete(inbound));
      } else proceed();
    });
  }

  #join(
    inbound: Socket,
    hello: Buffer,
    { brokerPort, dialer, target }: { brokerPort: number; dialer: number; target: number },
  ): void {
    if (inbound.destroyed) return;
    const outbound = connect(brokerPort, "127.0.0.1");
    const wire: Wire = { dialer, target, inbound, outbound };
    this.#wires.add(wire);
    outbound.on("error", () => outbound.destroy());
    outbound.write(hello);
    this.#forward(inbound, outbound, wire, () => this.#isCut(dialer, target));
    this.#forward(outbound, inbound, wire, () => this.#isCut(target, dialer));
    this.#settle();
  }

  #forward(from: Socket, to: Socket, wire: Wire, isCut: () => boolean): void {
    from.on("data", (bytes) => {
      if (!to.write(bytes)) from.pause();
    });
    to.on("drain", () => {
      if (!isCut()) from.resume();
    });
    // Ends are told late rather than lost: the broker notices silence first.
    from.on("close", () => {
      this.#wires.delete(wire);
      to.destroy();
    });
  }

  #isCut(from: number, to: number): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  /** Reads where the way is free. */
  #settle(): void {
    for (const { dialer, inbound, outbound, target } of this.#wires) {
      this.#read(inbound, this.#isCut(dialer, target));
      this.#read(outbound, this.#isCut(target, dialer));
    }
  }

  #read(socket: Socket, isCut: boolean): void {
    if (isCut) socket.pause();
    else socket.resume();
  }
}

import {
  type Address,
  type Connection,
  type ConnectionHandler,
  type Listener,
  type Network,
  NetworkError,
} from "@ropewalk/runtime";
import { Pipe } from "./pipe.ts";
import type { SimulatedLinks } from "./simulated-links.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";

type Accept = (connection: Connection) => ConnectionHandler;

interface OpenPort {
  readonly process: SimulatedProcess;
  readonly accept: Accept;
}

/** How long a connection that was closed may still deliver what was sent before. */
const lingerMs = 20;

/** Byte streams between simulated processes. */
export class SimulatedNetwork {
  readonly links: SimulatedLinks;
  readonly trace: Trace;
  readonly #ports = new Map<string, OpenPort>();
  /** Ends of connections on machines without power, by host. */
  readonly #silent = new Map<string, (() => void)[]>();

  constructor(links: SimulatedLinks, trace: Trace) {
    this.links = links;
    this.trace = trace;
  }

  /** The network as one process has it. */
  of(process: SimulatedProcess): Network {
    return {
      listen: (address, accept) => this.#listen(process, address, accept),
      connect: (address, timeoutMs, handler) => this.#connect(process, address, timeoutMs, handler),
    };
  }

  /** A machine is up again: who still has connections to what ran there hears that they are over. */
  machineIsBack(host: string): void {
    const hangUps = this.#silent.get(host) ?? [];
    this.#silent.delete(host);
    for (const hangUp of hangUps) hangUp();
  }

  /** Keeps a farewell for when the machine is up again. */
  whenBack(host: string, hangUp: () => void): void {
    const hangUps = this.#silent.get(host) ?? [];
    hangUps.push(hangUp);
    this.#silent.set(host, hangUps);
  }

  #listen(process: SimulatedProcess, address: Address, accept: Accept): Promise<Listener> {
    const name = portName(address);
    const before = this.#ports.get(name);
    if (before?.process.isAlive === true) {
      return Promise.reject(new NetworkError("PORT_IN_USE", `${name} is in use`));
    }
    this.#ports.set(name, { process, accept });
    const giveBack = process.holdings.take("port", name);
    const close = (): Promise<void> => {
      giveBack();
      if (this.#ports.get(name)?.process === process) this.#ports.delete(name);
      return Promise.resolve();
    };
    return Promise.resolve({ port: address.port, close });
  }

  #connect(
    near: SimulatedProcess,
    address: Address,
    timeoutMs: number,
    handler: Accept,
  ): Promise<Connection> {
    const name = portName(address);
    const { promise, reject, resolve } = Promise.withResolvers<Connection>();
    const timer = near.post(timeoutMs, () =>
      reject(new NetworkError("TIMEOUT", `${name} did not answer within ${timeoutMs} ms`)),
    );
    let isSettled = false;
    promise.then(
      () => (isSettled = true),
      () => (isSettled = true),
    );
    const there = this.links.latencyMs(near.host, address.host, 0);
    near.post(there, () => {
      if (this.#isCut(near.host, address.host)) return; // Until the time is up.
      const port = this.#ports.get(name);
      if (port?.process.isStopped === true) return;
      const back = this.links.latencyMs(address.host, near.host, 0);
      near.post(back, () => {
        if (isSettled) return;
        timer.cancel();
        const open = this.#ports.get(name);
        // A machine without power refuses nothing: the next router says so, in its stead.
        if (open?.process.death === "power") {
          reject(new NetworkError("UNREACHABLE", `there is no way to ${name}`));
          return;
        }
        if (open?.process.isAlive !== true || open !== port) {
          reject(new NetworkError("REFUSED", `${name} refused the connection`));
          return;
        }
        resolve(this.#join(near, open, address, handler));
      });
    });
    return promise;
  }

  #join(near: SimulatedProcess, port: OpenPort, address: Address, handler: Accept): Connection {
    const far = port.process;
    const ends = connectionEnds(this, near, far, address);
    ends.near.handler = handler(ends.near);
    far.post(0, () => {
      ends.far.handler = port.accept(ends.far);
      ends.far.isOpen();
    });
    return ends.near;
  }

  #isCut(one: string, other: string): boolean {
    return this.links.isCut(one, other) || this.links.isCut(other, one);
  }
}

function connectionEnds(
  network: SimulatedNetwork,
  near: SimulatedProcess,
  far: SimulatedProcess,
  address: Address,
): { near: ConnectionEnd; far: ConnectionEnd } {
  const { links, trace } = network;
  const ends = {
    near: new ConnectionEnd(near, address),
    far: new ConnectionEnd(far, { host: near.host, port: 0 }),
  };
  const pipe = (from: ConnectionEnd, to: ConnectionEnd): Pipe<Uint8Array> =>
    new Pipe(
      { links, from: from.process, to: to.process },
      (bytes) => {
        trace.mark(1, bytes.length, bytes.at(-1) ?? 0);
        to.handler?.onData(bytes);
        bytes.fill(0xee); // Only valid until the callback returned.
      },
      () => from.handler?.onDrain(),
    );
  const [here, there] = [near.host, far.host];
  const forget = links.onReset(here, there, () => {
    for (const end of [ends.near, ends.far]) end.process.post(0, () => end.reset());
  });
  ends.near.joined(ends.far, pipe(ends.near, ends.far), network);
  ends.far.joined(ends.near, pipe(ends.far, ends.near), network);
  // Nothing arrives before the other side has been accepted.
  ends.near.outgoing?.pause();
  ends.near.onEnd = forget;
  return ends;
}

class ConnectionEnd implements Connection {
  readonly remote: Address;
  readonly process: SimulatedProcess;
  handler: ConnectionHandler | undefined;
  outgoing: Pipe<Uint8Array> | undefined;
  #other: ConnectionEnd | undefined;
  #network: SimulatedNetwork | undefined;
  readonly #giveBack: () => void;
  #isClosed = false;
  /** Runs when the connection is over. */
  onEnd: () => void = () => undefined;

  constructor(process: SimulatedProcess, remote: Address) {
    this.process = process;
    this.remote = remote;
    this.#giveBack = process.holdings.take("connection", portName(remote));
  }

  joined(other: ConnectionEnd, outgoing: Pipe<Uint8Array>, network: SimulatedNetwork): void {
    this.#other = other;
    this.outgoing = outgoing;
    this.#network = network;
    // The system of a killed process says goodbye; a machine without power says nothing until it is back.
    this.process.onDeath((death) => {
      if (death === "kill") this.#hangUp();
      else network.whenBack(this.process.host, () => this.#hangUp());
      this.outgoing?.close();
    });
  }

  isOpen(): void {
    this.#other?.outgoing?.resume();
  }

  send(buffers: readonly Uint8Array[], onSent?: () => void): boolean {
    if (onSent !== undefined) this.process.post(0, onSent);
    if (this.#isClosed || this.outgoing === undefined) return false;
    const bytes = Buffer.concat(buffers);
    return this.outgoing.send(bytes, bytes.length);
  }

  pause(): void {
    this.#other?.outgoing?.pause();
  }

  resume(): void {
    this.#other?.outgoing?.resume();
  }

  close(): void {
    this.#giveBack();
    this.process.post(lingerMs, () => this.#hangUp());
    this.process.post(lingerMs, () => this.#ended(undefined));
  }

  /** The other side hears that the connection is over, as soon as anything reaches it. */
  #hangUp(): void {
    const [other, network] = [this.#other, this.#network];
    if (other === undefined || network === undefined) return;
    const { links } = network;
    const [from, to] = [this.process.host, other.process.host];
    const tell = (): void => {
      if (links.isCut(from, to)) links.onHealed(tell);
      else other.process.post(links.latencyMs(from, to, 0), () => other.#ended(undefined));
    };
    tell();
  }

  /** Nothing of what is on its way arrives, and both sides hear of it. */
  reset(): void {
    const { host, port } = this.remote;
    this.#ended(new NetworkError("UNREACHABLE", `${host}:${port} reset the connection`));
  }

  #ended(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#giveBack();
    this.onEnd();
    this.outgoing?.close();
    this.#other?.outgoing?.close();
    this.handler?.onClose(error);
  }
}

function portName({ host, port }: Address): string {
  return `${host}:${port}`;
}

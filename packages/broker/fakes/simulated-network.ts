import { NetworkError } from "@ropewalk/runtime";
import type { Address, Connection, ConnectionHandler, Listener, Network } from "@ropewalk/runtime";
import type { SimulatedClock } from "./simulated-clock.ts";

/**
 * A network for tests: ordered bytes, a piece a millisecond, with back-pressure and with faults. Bytes
 * are overwritten once `onData` returned, and sent buffers are read when they leave, so that whoever
 * keeps or reuses one too early is found out.
 */
export class SimulatedNetwork implements Network {
  readonly clock: SimulatedClock;
  /** No connection can be made. */
  isBlocked = false;
  /** New connections to this port are refused, as by a firewall that is kind enough to say so. */
  refusesPort: number | undefined;
  /** Everything sent disappears, and nobody is told. */
  isBlackHole = false;
  readonly #accepts = new Map<number, (connection: Connection) => ConnectionHandler>();
  readonly #ends: SimulatedConnection[] = [];

  constructor(clock: SimulatedClock) {
    this.clock = clock;
  }

  listen(address: Address, accept: (c: Connection) => ConnectionHandler): Promise<Listener> {
    const { port } = address;
    this.#accepts.set(port, accept);
    return Promise.resolve({
      port,
      close: () => {
        this.#accepts.delete(port);
        return Promise.resolve();
      },
    });
  }

  connect(
    address: Address,
    _timeoutMs: number,
    handler: (c: Connection) => ConnectionHandler,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.clock.setTimer(1, () => {
        const accept = this.#accepts.get(address.port);
        if (this.isBlocked || this.isBlackHole) {
          reject(new NetworkError("UNREACHABLE", "no way there"));
          return;
        }
        if (accept === undefined || this.refusesPort === address.port) {
          reject(new NetworkError("REFUSED", "nobody listens"));
          return;
        }
        const near = new SimulatedConnection(this, address);
        const far = new SimulatedConnection(this, address);
        near.other = far;
        far.other = near;
        this.#ends.push(near, far);
        far.handler = accept(far);
        near.handler = handler(near);
        resolve(near);
      });
    });
  }

  /** Breaks every connection. */
  cut(): void {
    for (const end of this.#ends.splice(0)) end.break(new Error("connection reset"));
  }

  /** Nothing moves on the connections that are open now; new ones work. */
  freezeOpenConnections(): void {
    for (const end of this.#ends) end.isFrozen = true;
  }

  /** Bytes of the connections for one lane stop on their way until `unstall`. */
  stall(lane: "append"): void {
    // The hello of a lane names it: byte 8 of the payload, behind the header of 12 bytes.
    for (const end of this.#ends) end.isStalled = end.firstBytes?.[12 + 8] === 1 && lane !== null;
  }

  unstall(): void {
    for (const end of this.#ends) {
      end.isStalled = false;
      end.pump();
    }
  }
}

const pieceBytesMax = 65_536;
const queueBytesMax = 200_000;

class SimulatedConnection implements Connection {
  readonly remote: Address;
  other: SimulatedConnection | undefined;
  handler: ConnectionHandler | undefined;
  firstBytes: Uint8Array | undefined;
  isFrozen = false;
  isStalled = false;
  readonly #network: SimulatedNetwork;
  readonly #queue: { bytes: Uint8Array; onSent: (() => void) | undefined }[] = [];
  #isPaused = false;
  #isClosed = false;
  #isFull = false;
  #isPumping = false;

  constructor(network: SimulatedNetwork, remote: Address) {
    this.#network = network;
    this.remote = remote;
  }

  send(buffers: readonly Uint8Array[], onSent?: () => void): boolean {
    if (this.#isClosed) {
      if (onSent !== undefined) this.#network.clock.defer(onSent);
      return false;
    }
    // A view, not a copy: a buffer that is reused too early arrives damaged.
    for (const bytes of buffers) this.#queue.push({ bytes, onSent: undefined });
    this.#queue.push({ bytes: new Uint8Array(0), onSent });
    this.firstBytes ??= Buffer.from(buffers[0] ?? []);
    this.pump();
    this.#isFull = this.#queuedBytes() > queueBytesMax;
    return !this.#isFull;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.other?.pump();
  }

  close(): void {
    // What was queued still leaves, as with TCP.
    this.#network.clock.setTimer(5, () => {
      this.break(undefined);
      if (!this.isFrozen && !this.#network.isBlackHole) this.other?.break(undefined);
    });
  }

  break(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#network.clock.defer(() => {
      for (const { onSent } of this.#queue.splice(0)) onSent?.();
      this.handler?.onClose(error);
    });
  }

  /** Moves one piece a millisecond, as long as the other end takes it. */
  pump(): void {
    if (this.#isPumping || this.#queue.length === 0) return;
    this.#isPumping = true;
    this.#network.clock.setTimer(1, () => {
      this.#isPumping = false;
      const isStuck = this.isStalled || this.other === undefined || this.other.#isPaused;
      if (this.#isClosed || isStuck) return;
      this.#deliverPiece();
      if (this.#isFull && this.#queuedBytes() === 0) {
        this.#isFull = false;
        this.handler?.onDrain();
      }
      this.pump();
    });
  }

  #deliverPiece(): void {
    const pieces: Uint8Array[] = [];
    let room = pieceBytesMax;
    while (room > 0 && this.#queue[0] !== undefined) {
      const { bytes, onSent } = this.#queue[0];
      pieces.push(bytes.subarray(0, room));
      if (bytes.length > room) this.#queue[0] = { bytes: bytes.subarray(room), onSent };
      else this.#queue.shift();
      room -= Math.min(room, bytes.length);
      if (bytes.length === 0 && onSent !== undefined) this.#network.clock.defer(onSent);
    }
    const bytes = Buffer.concat(pieces);
    // A stream never goes on behind bytes that were lost.
    if (this.#network.isBlackHole) this.isFrozen = true;
    const isLost = this.isFrozen;
    if (isLost || bytes.length === 0 || this.other === undefined || this.other.#isClosed) return;
    this.other.handler?.onData(bytes);
    bytes.fill(0xee); // Only valid until the callback returned.
  }

  #queuedBytes(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}

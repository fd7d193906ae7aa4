import assert from "node:assert/strict";
import type { Socket } from "node:net";
import type { Address, Connection, ConnectionHandler } from "../network.ts";

/** How long a closed connection may go on sending what was queued before it is cut. */
const CLOSE_TIMEOUT_MS = 1_000;

/** A connection on a Node socket. */
export class NodeConnection implements Connection {
  readonly remote: Address;
  readonly #socket: Socket;
  readonly #sendQueueBytesMax: number;
  #isFull = false;
  #handler: ConnectionHandler | undefined;
  #failure: Error | undefined = undefined;
  #closeTimer: NodeJS.Timeout | undefined = undefined;

  /** `send` answers false while `sendQueueBytesMax` or more wait to be handed to the system. */
  constructor(socket: Socket, remote: Address, sendQueueBytesMax: number) {
    this.remote = remote;
    this.#socket = socket;
    // Below the socket's own mark Node would not announce that the queue is empty again.
    this.#sendQueueBytesMax = Math.max(sendQueueBytesMax, socket.writableHighWaterMark);
  }

  /**
   * Starts the callbacks. Called in the turn in which the socket became connected, so that nothing
   * was missed.
   */
  attach(handler: ConnectionHandler): void {
    assert(this.#handler === undefined, "A connection has one handler");
    this.#handler = handler;
    this.#socket.on("data", (bytes) => {
      if (this.#closeTimer === undefined) handler.onData(bytes);
    });
    this.#socket.on("drain", () => {
      if (!this.#isFull || this.#closeTimer !== undefined) return;
      this.#isFull = false;
      handler.onDrain();
    });
    this.#socket.on("error", (error) => {
      this.#failure = error;
    });
    this.#socket.once("close", () => {
      clearTimeout(this.#closeTimer);
      handler.onClose(this.#failure);
    });
  }

  send(buffers: readonly Uint8Array[], onSent?: () => void): boolean {
    const socket = this.#socket;
    const last = buffers.length - 1;
    if (last < 0 || !socket.writable) {
      if (onSent !== undefined) process.nextTick(onSent);
      return socket.writable && !this.#isFull;
    }
    // Corked writes leave as one writev. Node calls back for every write that it accepted, with an
    // error where the connection broke, and never within the call.
    socket.cork();
    for (const [index, buffer] of buffers.entries()) {
      if (index === last && onSent !== undefined) socket.write(buffer, () => onSent());
      else socket.write(buffer);
    }
    socket.uncork();
    this.#isFull = socket.writableLength >= this.#sendQueueBytesMax;
    return !this.#isFull;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Sends what was queued, for a second at the most, and ends the connection; what still arrives is
   * thrown away, and the peer's own end is not waited for.
   */
  close(): void {
    if (this.#closeTimer !== undefined || this.#socket.destroyed) return;
    this.#closeTimer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
    this.#socket.resume();
    this.#socket.destroySoon();
  }
}

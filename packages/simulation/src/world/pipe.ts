import type { SimulatedLinks } from "./simulated-links.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** What is on its way before the sender is told to wait. */
const windowBytes = 256 * 1024;

interface Item<T> {
  readonly value: T;
  readonly bytes: number;
  readonly arrivesMs: number;
}

/** Two processes, and the direction of what is sent. */
export interface Route {
  readonly links: SimulatedLinks;
  readonly from: SimulatedProcess;
  readonly to: SimulatedProcess;
}

/**
 * One direction of a connection: what is sent arrives in order, once, later, or not at all when the connection ends.
 * Where the link is cut it waits.
 */
export class Pipe<T> {
  readonly #route: Route;
  readonly #deliver: (value: T) => void;
  readonly #drained: () => void;
  readonly #queue: Item<T>[] = [];
  #queuedBytes = 0;
  #lastArrivalMs = 0;
  #isPumping = false;
  #isPaused = false;
  #isFull = false;
  #isClosed = false;

  constructor(route: Route, deliver: (value: T) => void, drained: () => void) {
    this.#route = route;
    this.#deliver = deliver;
    this.#drained = drained;
  }

  /** Sends something, and answers whether more may follow at once; otherwise `drained` says when. */
  send(value: T, bytes: number): boolean {
    if (this.#isClosed) return false;
    const { from, links, to } = this.#route;
    const takesMs = links.latencyMs(from.host, to.host, bytes);
    const arrivesMs = Math.max(this.#lastArrivalMs, from.loop.nowMs + takesMs);
    this.#lastArrivalMs = arrivesMs;
    this.#queue.push({ value, bytes, arrivesMs });
    this.#queuedBytes += bytes;
    this.#pump();
    // Once full it is so until it has drained, whatever little is sent meanwhile: whoever waits would not be told.
    this.#isFull ||= this.#queuedBytes > windowBytes;
    return !this.#isFull;
  }

  /** The receiver takes nothing until `resume`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#pump();
  }

  /** Nothing arrives any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
  }

  #pump(): void {
    const [head] = this.#queue;
    if (this.#isPumping || this.#isPaused || head === undefined) return;
    const { from, links, to } = this.#route;
    this.#isPumping = true;
    to.post(head.arrivesMs - to.loop.nowMs, () => {
      if (this.#isClosed) return;
      if (links.isCut(from.host, to.host)) {
        links.onHealed(() => {
          this.#isPumping = false;
          this.#pump();
        });
        return;
      }
      this.#isPumping = false;
      if (this.#isPaused) return;
      this.#queue.shift();
      this.#queuedBytes -= head.bytes;
      if (this.#isFull && this.#queuedBytes <= windowBytes / 2) {
        this.#isFull = false;
        from.post(0, () => {
          if (!this.#isClosed) this.#drained();
        });
      }
      this.#deliver(head.value);
      this.#pump();
    });
  }
}

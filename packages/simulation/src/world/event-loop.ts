import { drainMicrotasks, guardTicks } from "./microtasks.ts";

/** Then Node has a turn of its own, for signals, timeouts of test runners and the like. */
const eventsPerTurn = drainMicrotasks === undefined ? 1 : 1000;

/** Something that will happen, unless it is cancelled. */
export interface Event {
  cancel(): void;
}

// The world's turns are nothing of a test that replaces the global one.
const { setImmediate } = globalThis;

/** Whom events happen to: it may put one off, or drop it. */
export interface EventOwner {
  happen(run: () => void): void;
}

class Scheduled implements Event {
  readonly atMs: number;
  readonly order: number;
  readonly owner: EventOwner | undefined;
  run: (() => void) | undefined;

  constructor(atMs: number, order: number, run: () => void, owner: EventOwner | undefined) {
    this.atMs = atMs;
    this.order = order;
    this.run = run;
    this.owner = owner;
  }

  cancel(): void {
    this.run = undefined;
  }

  isBefore(other: Scheduled): boolean {
    return this.atMs < other.atMs || (this.atMs === other.atMs && this.order < other.order);
  }
}

/**
 * Virtual time. Events happen one by one, in the order of their times, those of one moment in the order in which they
 * were asked for; between two of them everything that follows from promises has run. Nothing else moves time, so a run
 * is decided by what is asked of it, and takes as long as its events take to compute.
 */
export class EventLoop {
  readonly #eventsPerSecondMax: number;
  #nowMs = 0;
  #order = 0;
  #count = 0;
  /** What is to happen later. */
  readonly #heap: Scheduled[] = [];
  /** What was asked for at this moment and is to happen at it: nearly half of all, and in its order as it is. */
  readonly #present: Scheduled[] = [];
  #presentTaken = 0;
  /** The second of the run that `#secondEvents` are of. */
  #second = 0;
  #secondEvents = 0;

  /** Where more than `eventsPerSecondMax` events happen in one second of the run, it ends: two parties answer each other for ever. */
  constructor(eventsPerSecondMax: number = Number.POSITIVE_INFINITY) {
    this.#eventsPerSecondMax = eventsPerSecondMax;
  }

  /** Milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get eventCount(): number {
    return this.#count;
  }

  /** Asks for `run`, `delayMs` from now, which happens to `owner` if there is one. */
  schedule(delayMs: number, run: () => void, owner?: EventOwner): Event {
    const atMs = delayMs > 0 ? this.#nowMs + delayMs : this.#nowMs;
    const event = new Scheduled(atMs, this.#order++, run, owner);
    if (atMs === this.#nowMs) this.#present.push(event);
    else this.#push(event);
    return event;
  }

  /** Lets time pass until `isDone`, at most up to `endMs`. Answers whether it was done. */
  runUntil(isDone: () => boolean, endMs: number): Promise<boolean> {
    const { promise, reject, resolve } = Promise.withResolvers<boolean>();
    const turn = (): void => {
      try {
        const end = guardTicks(() => this.#runTurn(isDone, endMs));
        if (end === "later") setImmediate(turn);
        else resolve(end === "done");
      } catch (error) {
        reject(error);
      }
    };
    setImmediate(turn);
    return promise;
  }

  /** Lets events happen within one turn of Node's own event loop. */
  #runTurn(isDone: () => boolean, endMs: number): "done" | "time is up" | "later" {
    for (let left = eventsPerTurn; left > 0; left--) {
      if (isDone()) return "done";
      const event = this.#next(endMs);
      if (event?.run === undefined) {
        this.#nowMs = Math.max(this.#nowMs, endMs);
        return isDone() ? "done" : "time is up";
      }
      this.#countEvent();
      if (event.owner === undefined) event.run();
      else event.owner.happen(event.run);
      drainMicrotasks?.();
    }
    return "later";
  }

  #countEvent(): void {
    this.#count++;
    const second = Math.floor(this.#nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondEvents = 0;
    }
    if (++this.#secondEvents <= this.#eventsPerSecondMax) return;
    throw new Error(`a storm: ${this.#secondEvents} events in second ${second}`);
  }

  /** Takes the next event up to `endMs` that nobody cancelled, and makes it now. */
  #next(endMs: number): Scheduled | undefined {
    for (let next = this.#take(endMs); next !== undefined; next = this.#take(endMs)) {
      if (next.run === undefined) continue;
      this.#nowMs = next.atMs;
      return next;
    }
    return undefined;
  }

  /** Takes the first event up to `endMs`. Of those of this moment the ones that were asked for before it come first. */
  #take(endMs: number): Scheduled | undefined {
    const first = this.#heap[0];
    if ((first === undefined || first.atMs > this.#nowMs) && this.#nowMs <= endMs) {
      const present = this.#takePresent();
      if (present !== undefined) return present;
    }
    if (first === undefined || first.atMs > endMs) return undefined;
    this.#pop();
    return first;
  }

  #takePresent(): Scheduled | undefined {
    const event = this.#present[this.#presentTaken];
    if (event !== undefined) {
      this.#presentTaken++;
    } else if (this.#presentTaken > 0) {
      this.#present.length = 0;
      this.#presentTaken = 0;
    }
    return event;
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || !event.isBefore(parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const isRight = left !== undefined && right !== undefined && right.isBefore(left);
      const child = isRight ? right : left;
      if (child === undefined || !child.isBefore(last)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

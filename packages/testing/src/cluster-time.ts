import type { EventLoop, SimulatedProcess } from "@ropewalk/simulation";

/**
 * Who lets a cluster's time pass. The cluster tells it what somebody waits for, so that it knows how far time may go.
 */
export interface ClusterTime {
  /** Time passes as fast as it can be computed until this is settled, or who waits for it is dead. */
  waitFor<T>(call: Promise<T>, waiter?: SimulatedProcess): Promise<T>;
  /** Somebody waits for something that may never come: a record. */
  waitForRecord<T>(read: Promise<T>, waiter: SimulatedProcess): Promise<T>;
  /** Something changed after which readers may have to wait for longer: a broker died, a member left. */
  disturbed(): void;
  /** No time passes any more. */
  stop(): void;
}

// Tests may replace the global ones (vi.useFakeTimers()); the world's time is nothing of theirs.
const { clearTimeout, setImmediate, setTimeout } = globalThis;
const realNowMs = performance.now.bind(performance);

/** A reader who waits lets time run ahead by so much: enough for any record that is on its way. */
const recordAheadMs = 1000;

/** And so long after a disturbance: enough for elections, and for a group to miss a member and share anew. */
const disturbedAheadMs = 15_000;

/** Time never runs ahead by more than this at once, so that it stays finite where nothing happens any more. */
const stepMs = 1000;

/** So much of the real time that passed is taken over at most: a debugger's break is none for the cluster. */
const restMsMax = 100;

/**
 * The time of a cluster in an ordinary test. It passes with the real one, as it does for a real cluster; and it runs
 * ahead, as fast as it can be computed, while somebody waits for an answer, so that nobody waits for elections and
 * timeouts in real time.
 */
export class FlowingTime implements ClusterTime {
  readonly #loop: EventLoop;
  readonly #restMs: number;
  #calls = 0;
  #reads = 0;
  #holds = 0;
  #lastReadMs = 0;
  #disturbedMs = 0;
  #flowedToMs = 0;
  #isStopped = false;
  #wake: (() => void) | undefined;

  /** `restMs`: how often real time is looked at while nobody waits. */
  constructor(loop: EventLoop, restMs: number) {
    this.#loop = loop;
    this.#restMs = restMs;
    void this.#run();
  }

  waitFor<T>(call: Promise<T>, waiter?: SimulatedProcess): Promise<T> {
    this.#calls++;
    this.#wake?.();
    return call.finally(onceOver(waiter, () => this.#calls--));
  }

  waitForRecord<T>(read: Promise<T>, waiter: SimulatedProcess): Promise<T> {
    this.#reads++;
    this.#lastReadMs = this.#loop.nowMs;
    this.#wake?.();
    return read.finally(onceOver(waiter, () => this.#reads--));
  }

  /** Time does not run ahead of the real one before this is settled: it happens in the real world. */
  async holdFor<T>(work: Promise<T>): Promise<T> {
    this.#holds++;
    try {
      return await work;
    } finally {
      this.#holds--;
      this.#wake?.();
    }
  }

  disturbed(): void {
    this.#disturbedMs = this.#loop.nowMs;
    this.#wake?.();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#pass();
      } catch (error) {
        // A callback of the test threw: that is for the test's runner to hear, and the world goes on.
        setImmediate(() => {
          throw error;
        });
      }
    }
  }

  async #pass(): Promise<void> {
    const loop = this.#loop;
    const reachMs = this.#reachMs();
    if (reachMs <= loop.nowMs) await this.#rest();
    else await loop.runUntil(() => this.#isStopped || this.#reachMs() <= loop.nowMs, reachMs);
  }

  /** Up to when time may go now. */
  #reachMs(): number {
    if (this.#holds > 0) return this.#flowedToMs;
    if (this.#calls > 0) return this.#loop.nowMs + stepMs;
    if (this.#reads === 0) return this.#flowedToMs;
    const aheadMs = Math.max(
      this.#lastReadMs + recordAheadMs,
      this.#disturbedMs + disturbedAheadMs,
    );
    return Math.max(this.#flowedToMs, aheadMs);
  }

  /** Lets real time pass. Keeps the process alive only where somebody waits. */
  async #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const startMs = realNowMs();
    const timer = setTimeout(resolve, this.#restMs);
    if (this.#reads === 0 && this.#holds === 0) timer.unref();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    clearTimeout(timer);
    const passedMs = Math.min(realNowMs() - startMs, restMsMax);
    this.#flowedToMs = this.#loop.nowMs + passedMs;
  }
}

/** Has `over` run once: by what is answered here, or when the process dies. */
function onceOver(waiter: SimulatedProcess | undefined, over: () => void): () => void {
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    forget?.();
    over();
  };
  const forget = waiter?.onDeath(end);
  return end;
}

/** The time of a simulation: whoever runs it lets it pass, whatever is waited for. */
export const drivenTime: ClusterTime = {
  waitFor: (call) => call,
  waitForRecord: (read) => read,
  disturbed: () => undefined,
  stop: () => undefined,
};

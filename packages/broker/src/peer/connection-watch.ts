import type { Clock, Timer } from "@ropewalk/runtime";
import type { FrameConnection } from "./frame-connection.ts";

/** One timer for the beats and the silence of all connections. */
export class ConnectionWatch {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #connections = new Map<FrameConnection, () => boolean>();
  #timer: Timer | undefined;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** `isGreeting` says whether the connection is still in its handshake. */
  add(connection: FrameConnection, isGreeting: () => boolean): void {
    this.#connections.set(connection, isGreeting);
  }

  remove(connection: FrameConnection): void {
    this.#connections.delete(connection);
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const dueMs = this.#clock.monotonicMs() + this.#intervalMs;
    this.#timer = this.#clock.setTimer(this.#intervalMs, () => {
      const nowMs = this.#clock.monotonicMs();
      this.#arm();
      // Late means that this process stood still: what arrived meanwhile was not read yet, and its
      // senders must not be taken for dead.
      this.#tick(nowMs, nowMs - dueMs <= this.#intervalMs);
    });
  }

  #tick(nowMs: number, isOnTime: boolean): void {
    for (const [connection, isGreeting] of this.#connections) {
      if (isOnTime) connection.endIfSilent(nowMs, isGreeting());
      if (!isGreeting()) connection.beatIfQuiet(nowMs);
    }
  }
}

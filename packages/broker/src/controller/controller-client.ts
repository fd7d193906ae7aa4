import { RopewalkError } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { RemoteCall, RemoteCaller } from "../remote-caller.ts";

/** What asking the controller needs. */
export interface ControllerClientOptions {
  readonly clock: Clock;
  readonly caller: RemoteCaller;
  /** The controller as this broker knows it; 0: none. */
  readonly controllerId: () => number;
  readonly timeoutMs: number;
}

const retryMs = 20;
/** About as long as an election takes. */
const controllerWaitMs = 1000;

/** Asks the controller, wherever it is, and again elsewhere while it certainly has not done it. */
export class ControllerClient {
  readonly #options: ControllerClientOptions;
  /** Ends the pauses of those who try again. */
  readonly #pauses = new Set<() => void>();
  #isStopped = false;

  constructor(options: ControllerClientOptions) {
    this.#options = options;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * `timeoutMs` is how long the one who asks waits, where that is shorter than this broker's own patience.
   * Rejects with the controller's error; with LEADER_NOT_AVAILABLE when none was found in time, or before this broker
   * stopped (not done); with an indefinite error when the answer was lost.
   */
  async call<Request, RequestInit, Response, ResponseInit>(
    call: RemoteCall<Request, RequestInit, Response, ResponseInit>,
    request: RequestInit,
    timeoutMs: number = this.#options.timeoutMs,
  ): Promise<Response> {
    const { clock, caller, controllerId } = this.#options;
    const patienceMs = Math.min(timeoutMs, this.#options.timeoutMs);
    const deadlineMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      const brokerId = controllerId();
      const leftMs = deadlineMs - clock.monotonicMs();
      if (this.#isStopped) throw stopping(call.path);
      if (leftMs <= 0) throw noController(call.path, patienceMs);
      try {
        const options = { timeoutMs: Math.ceil(leftMs) };
        if (brokerId !== 0) return await caller.call(call, brokerId, request, options);
      } catch (error) {
        if (!isElsewhere(error)) throw error;
      }
      await this.#pause();
    }
  }

  /** The broker stops: nobody is asked again. */
  stop(): void {
    this.#isStopped = true;
    for (const end of this.#pauses) end();
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.setTimer(retryMs, resolve);
    this.#pauses.add(resolve);
    await promise;
    this.#pauses.delete(resolve);
    timer.cancel();
  }
}

function isElsewhere(error: unknown): boolean {
  return error instanceof RopewalkError && error.code === "NOT_LEADER";
}

/** It was not done, and another broker may do it. */
function stopping(method: string): RopewalkError {
  const message = `Cannot do ${method}: this broker is stopping; ask another one`;
  return new RopewalkError("LEADER_NOT_AVAILABLE", message);
}

function noController(method: string, timeoutMs: number): RopewalkError {
  return new RopewalkError(
    "LEADER_NOT_AVAILABLE",
    `Cannot do ${method}: no controller was found within ${timeoutMs} ms; a majority of the voting brokers must be up`,
    { retryAfterMs: controllerWaitMs },
  );
}

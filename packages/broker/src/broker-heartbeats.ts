import { peerService } from "@ropewalk/protocol";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { RemoteCaller } from "./remote-caller.ts";

/** What saying that a broker lives needs. */
export interface BrokerHeartbeatsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly caller: RemoteCaller;
  readonly brokerId: number;
  readonly directoryId: string;
  readonly startCount: number;
  /** The controller as this broker knows it; 0: none. */
  readonly controllerId: () => number;
  readonly appliedIndex: () => number;
  readonly intervalMs: number;
}

/** Tells the controller at an interval that this broker lives, whoever the controller is then. */
export class BrokerHeartbeats {
  readonly #options: BrokerHeartbeatsOptions;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: BrokerHeartbeatsOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    const { clock, intervalMs } = this.#options;
    this.#beat();
    this.#timer = clock.setTimer(intervalMs, () => this.start());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  // One that gets lost is followed by the next.
  #beat(): void {
    const { brokerId, caller, controllerId, directoryId, intervalMs, logger } = this.#options;
    const to = controllerId();
    if (to === 0) return;
    const { appliedIndex, startCount } = this.#options;
    const request = { brokerId, directoryId, startCount, appliedIndex: appliedIndex() };
    caller
      .call(peerService.brokerHeartbeat, to, request, { timeoutMs: intervalMs })
      .catch((error: unknown) => logger.debug("a heartbeat was not taken", { to, error }));
  }
}

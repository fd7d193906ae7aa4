import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { RemoteCaller } from "../remote-caller.ts";

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
  /** Whether the metadata here has this broker as it is: before, it has nothing to say. */
  readonly isRegistered: () => boolean;
  readonly intervalMs: number;
}

/** Tells the controller at an interval that this broker lives, whoever the controller is then. */
export class BrokerHeartbeats {
  readonly #options: BrokerHeartbeatsOptions;
  #timer: Timer | undefined;
  #isStopped = false;
  /** Who was the controller last: it also tells a broker that hears of no leader any more, for it was removed. */
  #lastControllerId = 0;
  #refusal: string | undefined;

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

  /** Why the controller does not count this broker as one of the cluster; `undefined` where it does. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  // One that gets lost is followed by the next.
  #beat(): void {
    const { brokerId, caller, controllerId, directoryId, intervalMs, isRegistered } = this.#options;
    if (!isRegistered()) return;
    const to = controllerId() || this.#lastControllerId;
    this.#lastControllerId = to;
    if (to === 0) return;
    const { appliedIndex, startCount } = this.#options;
    const request = { brokerId, directoryId, startCount, appliedIndex: appliedIndex() };
    caller
      .call(peerService.brokerHeartbeat, to, request, { timeoutMs: intervalMs })
      .then(() => {
        this.#refusal = undefined;
      })
      .catch((error: unknown) => this.#missed(to, error));
  }

  #missed(to: number, error: unknown): void {
    const { logger } = this.#options;
    logger.debug("a heartbeat was not taken", { to, error });
    if (!(error instanceof RopewalkError)) return;
    if (error.code === "NOT_LEADER") this.#lastControllerId = error.leaderId ?? 0;
    if (error.code !== "INVALID_REQUEST" || error.message === this.#refusal) return;
    this.#refusal = error.message;
    logger.error("the controller does not count this broker as one of the cluster", { error });
  }
}

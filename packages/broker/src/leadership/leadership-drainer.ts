import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import { mayLead } from "../controller/broker-life.ts";
import type { MetadataImage } from "../controller/metadata-image.ts";
import type { RaftGroup } from "../raft/raft-group.ts";

/** What draining needs. */
export interface LeadershipDrainerOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly image: MetadataImage;
  readonly groups: () => Iterable<RaftGroup>;
  readonly intervalMs: number;
}

/** Transfers of leadership that are begun at once: each makes its group wait for a moment. */
const handOversMax = 256;

/**
 * Gives away what this broker leads for as long as the metadata says that it is to lead nothing: it is drained, or
 * was fenced. It acts on the applied metadata alone, so that it goes on after a restart and under every controller.
 */
export class LeadershipDrainer {
  readonly #options: LeadershipDrainerOptions;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: LeadershipDrainerOptions) {
    this.#options = options;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.setTimer(intervalMs, () => {
      this.#drain();
      this.#schedule();
    });
  }

  #drain(): void {
    const { brokerId, groups, image, logger } = this.#options;
    const self = image.brokers.get(brokerId);
    if (self === undefined || mayLead(self)) return;
    const isAllowed = (id: number): boolean => {
      const broker = image.brokers.get(id);
      return broker !== undefined && mayLead(broker);
    };
    let begun = 0;
    for (const group of groups()) {
      if (begun >= handOversMax) break;
      if (group.handOver(isAllowed)) begun += 1;
    }
    if (begun > 0)
      logger.info("leadership is handed over: this broker is to lead nothing", { begun });
  }
}

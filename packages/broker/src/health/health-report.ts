import { RopewalkError } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { Fitness } from "../fitness/fitness-watch.ts";
import type { BrokerHealth, DiskHealth, HealthView, Patience, Principal } from "../ports.ts";
import {
  isSuspect,
  type LedPartition,
  underReplicated,
  type UnderReplicatedPartition,
} from "./under-replication.ts";

/** Where the report looks. */
export interface HealthReportOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly fitness: () => Fitness;
  readonly isDiskFull: () => boolean;
  /** A write or a flush failed. */
  readonly isDiskFailed: () => boolean;
  readonly notReady: () => string | undefined;
  /** Partitions that this broker leads, those of internal topics too. */
  readonly led: () => Iterable<LedPartition>;
  readonly absentReplicaCount: () => number;
}

/** What a follower gets to write what was committed when the report began. */
const secondLookMs = 1000;

/** How this broker does, and the partitions that it leads. */
export class HealthReport implements HealthView {
  readonly #options: HealthReportOptions;

  constructor(options: HealthReportOptions) {
    this.#options = options;
  }

  async describe(_principal: Principal, patience: Patience = {}): Promise<BrokerHealth> {
    const { absentReplicaCount, brokerId, fitness, notReady } = this.#options;
    const underReplicatedPartitions = await this.#underReplicated(patience);
    return {
      brokerId,
      disk: this.#disk(),
      isLoopBlocked: fitness() === "loopBlocked",
      notReady: notReady(),
      underReplicated: underReplicatedPartitions,
      absentReplicaCount: absentReplicaCount(),
    };
  }

  #disk(): DiskHealth {
    const { fitness, isDiskFailed, isDiskFull } = this.#options;
    if (isDiskFailed()) return "failed";
    if (fitness() === "diskStalled") return "stalled";
    return isDiskFull() ? "full" : "sound";
  }

  async #underReplicated({
    timeoutMs = Infinity,
  }: Patience): Promise<readonly UnderReplicatedPartition[]> {
    const { clock, led } = this.#options;
    const suspects = [...led()].filter((each) => isSuspect(each));
    if (suspects.length === 0) return [];
    if (timeoutMs < secondLookMs) throw this.#noTime(timeoutMs);
    await new Promise<void>((resolve) => void clock.setTimer(secondLookMs, resolve));
    const now = new Map([...led()].map((each) => [nameOf(each), each]));
    return suspects.flatMap((earlier) => underReplicated(earlier, now.get(nameOf(earlier))) ?? []);
  }

  #noTime(timeoutMs: number): RopewalkError {
    const { brokerId } = this.#options;
    return new RopewalkError(
      "REQUEST_TIMED_OUT",
      `Cannot describe the health of broker ${brokerId} within ${timeoutMs} ms: it takes ${secondLookMs} ms to tell which replicas lag`,
    );
  }
}

function nameOf({ partition, topic }: LedPartition): string {
  return `${topic}-${partition}`;
}

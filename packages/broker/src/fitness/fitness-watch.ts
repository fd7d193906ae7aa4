import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { Candidacy } from "raft-ts/multi";
import { DiskStall } from "./disk-stall.ts";
import { LoopLag } from "./loop-lag.ts";

/** What the watch needs. */
export interface FitnessWatchOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** See `LogStore.writingSinceMs`. */
  readonly writingSinceMs: () => number | undefined;
  /** A write that the disk does not finish for so long stands still. */
  readonly diskStallMs: number;
  /** Called when it changes, which is not before the first look. */
  readonly candidacyChanged: (candidacy: Candidacy) => void;
}

/** Why a broker leads nothing; `sound` where nothing speaks against it. */
export type Fitness = "sound" | "diskStalled" | "loopBlocked";

const lookMs = 100;
/** What lies between two looks counts for no more: for the rest of the time the process may not have been awake. */
const elapsedMsMax = 500;
/** How long a disk must flow, as a multiple of the time after which it stands still, before the broker leads again. */
const soundFactor = 2;
const loopLimits = { blockMs: 400, windowMs: 4000 };

/**
 * Watches what Raft cannot see: the disk and the event loop of this broker. While they are not fit to lead with, the
 * broker gives its leadership up (grey failures: it is alive, and of no use). A broker whose loop is blocked would
 * still do where there is nobody else; one whose disk stands still would not.
 */
export class FitnessWatch {
  readonly #options: FitnessWatchOptions;
  readonly #disk: DiskStall;
  readonly #loop = new LoopLag(loopLimits);
  #lookedMs: number;
  #timer: Timer | undefined;
  #isStopped = false;
  #fitness: Fitness = "sound";

  constructor(options: FitnessWatchOptions) {
    const { clock, diskStallMs } = options;
    this.#options = options;
    this.#disk = new DiskStall({ stallMs: diskStallMs, soundMs: soundFactor * diskStallMs });
    this.#lookedMs = clock.monotonicMs();
    this.#schedule();
  }

  get fitness(): Fitness {
    return this.#fitness;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    const { clock } = this.#options;
    // As with ticks: the answer of the disk that waits to be heard is heard first.
    this.#timer = clock.setTimer(lookMs, () => {
      const lateMs = Math.max(0, clock.monotonicMs() - this.#lookedMs - lookMs);
      clock.defer(() => this.#look(lateMs));
    });
  }

  #look(lateMs: number): void {
    if (this.#isStopped) return;
    const { clock, writingSinceMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const elapsedMs = Math.min(nowMs - this.#lookedMs, elapsedMsMax);
    this.#lookedMs = nowMs;
    const isDiskStalled = this.#disk.look({ elapsedMs, writingSinceMs: writingSinceMs() });
    const isLoopBlocked = this.#loop.turn(nowMs, lateMs);
    this.#become(isDiskStalled ? "diskStalled" : isLoopBlocked ? "loopBlocked" : "sound");
    this.#schedule();
  }

  #become(fitness: Fitness): void {
    if (fitness === this.#fitness) return;
    const { candidacyChanged, logger } = this.#options;
    const figures = { writeMs: this.#disk.lastedMs, blockedMs: this.#loop.blockedMs };
    this.#fitness = fitness;
    if (fitness === "sound") logger.info("this broker leads again", figures);
    else logger.warn(notices[fitness], figures);
    candidacyChanged(candidacies[fitness]);
  }
}

const candidacies: Readonly<Record<Fitness, Candidacy>> = {
  sound: "willing",
  loopBlocked: "reluctant",
  diskStalled: "barred",
};

const notices: Readonly<Record<Exclude<Fitness, "sound">, string>> = {
  loopBlocked: "the event loop is blocked too often; this broker gives its leadership up",
  diskStalled: "the disk stands still; this broker gives its leadership up",
};

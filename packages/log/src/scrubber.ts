import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { GroupState } from "./group-state.ts";
import { LogError } from "./log-error.ts";
import type { ChunkRow } from "./segment/segment-header.ts";
import type { SegmentInfo } from "./segment/segment-info.ts";
import type { SegmentReader } from "./segment/segment-reader.ts";

/** What scrubbing needs. */
export interface ScrubberOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly segments: SegmentReader;
  readonly groups: () => Iterable<GroupState>;
  /** 0: never. */
  readonly bytesPerSecondMax: number;
  /** A group's segment is not what was written. */
  readonly damaged: (state: GroupState, error: LogError) => void;
}

/** What was read so far. */
export interface ScrubStatistics {
  readonly scrubbedBytes: number;
  readonly scrubFaults: number;
}

interface Place {
  readonly state: GroupState;
  readonly info: SegmentInfo;
  readonly row: ChunkRow;
}

/** Between two rounds, and where there is nothing to read. */
const roundPauseMs = 60_000;

/**
 * Reads cold segments again and again, at a bounded rate, and verifies them: damage is found while other replicas
 * still have what it hides, not when somebody asks for it.
 */
export class Scrubber {
  readonly #options: ScrubberOptions;
  #target: Buffer = Buffer.alloc(0);
  #timer: Timer | undefined;
  #isStopped = false;
  #reading: Promise<void> = Promise.resolve();
  #round: AsyncGenerator<Place, void> | undefined;
  #scrubbedBytes = 0;
  #scrubFaults = 0;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  get statistics(): ScrubStatistics {
    return { scrubbedBytes: this.#scrubbedBytes, scrubFaults: this.#scrubFaults };
  }

  /** Reads from now on, chunk by chunk. */
  start(): void {
    if (this.#options.bytesPerSecondMax > 0) this.#schedule(roundPauseMs);
  }

  /** Waits for the read under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#reading;
  }

  /** Reads the next chunk; answers how many bytes that were, 0 at the end of a round. */
  async step(): Promise<number> {
    this.#round ??= this.#places();
    const { done, value } = await this.#round.next();
    if (done === true || value === undefined) {
      this.#round = undefined;
      return 0;
    }
    const { info, row, state } = value;
    if (this.#target.length < row.bytes) this.#target = Buffer.allocUnsafeSlow(row.bytes);
    await this.#guard(state, info, async () => {
      await this.#options.segments.readChunk(state.key, info, row, this.#target);
    });
    this.#scrubbedBytes += row.bytes;
    return row.bytes;
  }

  #schedule(pauseMs: number): void {
    if (this.#isStopped) return;
    const { bytesPerSecondMax, clock } = this.#options;
    this.#timer = clock.setTimer(pauseMs, () => {
      this.#reading = this.step().then(
        (bytes) => this.#schedule(bytes === 0 ? roundPauseMs : (bytes * 1000) / bytesPerSecondMax),
        (error: unknown) => {
          this.#options.logger.error("Segments could not be read again.", { error });
          this.#schedule(roundPauseMs);
        },
      );
    });
  }

  async *#places(): AsyncGenerator<Place, void> {
    for (const state of [...this.#options.groups()]) {
      for (const info of state.segments) {
        if (state.isDeleted || state.quarantined !== undefined) break;
        for (const row of await this.#rows(state, info)) yield { state, info, row };
      }
    }
  }

  async #rows(state: GroupState, info: SegmentInfo): Promise<readonly ChunkRow[]> {
    let rows: readonly ChunkRow[] = [];
    await this.#guard(state, info, async () => {
      await this.#options.segments.checkHeader(state.key, info);
      rows = await this.#options.segments.rows(state.key, info);
    });
    return rows;
  }

  /** A segment that is gone by now, by retention or compaction, is no damage. */
  async #guard(state: GroupState, info: SegmentInfo, read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (error) {
      const isCurrent = !state.isDeleted && state.segments.some((s) => s.fileId === info.fileId);
      if (!isCurrent || !(error instanceof LogError)) return;
      this.#options.logger.error("A segment could not be verified.", { group: state.name, error });
      if (error.reason !== "DATA_DAMAGED") return;
      this.#scrubFaults += 1;
      this.#options.damaged(state, error);
    }
  }
}

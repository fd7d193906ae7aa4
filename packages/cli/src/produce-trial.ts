import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";

import type { BatchAcknowledgement, ProducerOptions, RopewalkClient } from "@ropewalk/client";

import { LatencyCounts } from "./latency-counts.ts";

/** What is to be written, and how fast. */
export interface ProduceTrialOptions {
  readonly topic: string;
  readonly recordCount: number;
  /** Taken in turn. */
  readonly values: readonly Uint8Array[];
  /** Records a second that are due; −1: as fast as they are taken. */
  readonly recordsPerSecond: number;
  readonly producer: ProducerOptions;
}

/** What was acknowledged in a span of time. Latencies count from the first record of a batch. */
export interface ProduceTrialSpan {
  readonly recordCount: number;
  readonly bytes: number;
  readonly durationMs: number;
  readonly latencies: LatencyCounts;
}

/** How a trial ended. */
export interface ProduceTrialResult extends ProduceTrialSpan {
  readonly failedCount: number;
  readonly failure: Error | undefined;
}

/** Records between two turns of the event loop. */
const recordsPerTurn = 1000;
const paceMs = 1;

/** Writes so many records and measures what becomes of them. */
export class ProduceTrial {
  readonly #options: ProduceTrialOptions;
  readonly #beganMs = performance.now();
  readonly #bytesPerRecord: number;
  readonly #all: MutableSpan = { recordCount: 0, latencies: new LatencyCounts() };
  #interval: MutableSpan & { sinceMs: number } = {
    recordCount: 0,
    latencies: new LatencyCounts(),
    sinceMs: this.#beganMs,
  };
  #failedCount = 0;
  #failure: Error | undefined;

  constructor(options: ProduceTrialOptions) {
    this.#options = options;
    const bytes = options.values.reduce((sum, value) => sum + value.length, 0);
    this.#bytesPerRecord = bytes / options.values.length;
  }

  /** Writes until all records are written or the signal is aborted; resolves when all are answered. */
  async run(client: RopewalkClient, stop: AbortSignal): Promise<ProduceTrialResult> {
    await using producer = client.producer({
      ...this.#options.producer,
      onAcknowledged: (acknowledgement) => this.#onAcknowledged(acknowledgement),
      onFailed: (error, recordCount) => {
        this.#failure ??= error;
        this.#failedCount += recordCount;
      },
    });
    const { recordCount, topic, values } = this.#options;
    for (let written = 0; written < recordCount && !stop.aborted;) {
      const due = Math.min(this.#dueCount(), recordCount, written + recordsPerTurn);
      let hasRoom = true;
      for (; written < due && hasRoom; written++)
        hasRoom = producer.write({ topic, value: values[written % values.length] });
      if (!hasRoom) await producer.ready();
      else await (written < this.#dueCount() ? nextTurn() : delay(paceMs));
    }
    await producer.flush();
    const durationMs = performance.now() - this.#beganMs;
    return { ...this.#spanOf(this.#all, durationMs), ...this.#failures() };
  }

  /** What was acknowledged since the last call. */
  interval(): ProduceTrialSpan {
    const { sinceMs, ...counts } = this.#interval;
    const nowMs = performance.now();
    this.#interval = { recordCount: 0, latencies: new LatencyCounts(), sinceMs: nowMs };
    return this.#spanOf(counts, nowMs - sinceMs);
  }

  /** Records that should have been written by now. */
  #dueCount(): number {
    const { recordsPerSecond } = this.#options;
    if (recordsPerSecond < 0) return Number.POSITIVE_INFINITY;
    return Math.floor(((performance.now() - this.#beganMs) / 1000) * recordsPerSecond) + 1;
  }

  #failures(): Pick<ProduceTrialResult, "failedCount" | "failure"> {
    return { failedCount: this.#failedCount, failure: this.#failure };
  }

  #onAcknowledged({ latencyMs, recordCount }: BatchAcknowledgement): void {
    for (const span of [this.#all, this.#interval]) {
      span.recordCount += recordCount;
      span.latencies.add(latencyMs, recordCount);
    }
  }

  #spanOf({ latencies, recordCount }: MutableSpan, durationMs: number): ProduceTrialSpan {
    return { recordCount, bytes: recordCount * this.#bytesPerRecord, durationMs, latencies };
  }
}

interface MutableSpan {
  recordCount: number;
  readonly latencies: LatencyCounts;
}

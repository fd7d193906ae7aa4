import type { RopewalkClient } from "@ropewalk/client";

/** What is to be read. */
export interface ConsumeTrialOptions {
  readonly topic: string;
  /** It ends after so many records, or a batch later. */
  readonly recordCount: number;
  readonly from: "earliest" | "latest";
  readonly group: string | undefined;
  /** It ends when nothing came for so long. */
  readonly timeoutMs: number;
}

/** What was read in a span of time. */
export interface ConsumeTrialSpan {
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly recordCount: number;
  /** Of values. */
  readonly bytes: number;
}

/** How a trial ended. */
export interface ConsumeTrialResult extends ConsumeTrialSpan {
  /** Until it knew where to start; in a group, until it was given its partitions. */
  readonly readyMs: number;
  readonly isComplete: boolean;
}

/** Reads so many records and measures how fast they come. */
export class ConsumeTrial {
  readonly #options: ConsumeTrialOptions;
  readonly #all = startSpan();
  #interval = startSpan();

  constructor(options: ConsumeTrialOptions) {
    this.#options = options;
  }

  /** Reads until enough came, nothing comes any more, or the signal is aborted. */
  async run(client: RopewalkClient, stop: AbortSignal): Promise<ConsumeTrialResult> {
    const { from, group, recordCount, timeoutMs, topic } = this.#options;
    await using consumer = client.consumer({ topic, from, group, autoCommit: false });
    const end = (): void => void consumer.close();
    stop.addEventListener("abort", end, { once: true });
    await consumer.ready();
    const readyMs = Date.now() - this.#all.startMs;
    let idle = setTimeout(end, timeoutMs);
    for await (const batch of consumer.batches()) {
      clearTimeout(idle);
      let bytes = 0;
      for (const { value } of batch) bytes += value?.length ?? 0;
      for (const span of [this.#all, this.#interval]) {
        span.recordCount += batch.recordCount;
        span.bytes += bytes;
      }
      if (this.#all.recordCount >= recordCount) break;
      idle = setTimeout(end, timeoutMs);
    }
    clearTimeout(idle);
    const isComplete = this.#all.recordCount >= recordCount;
    return { ...this.#all, endMs: Date.now(), readyMs, isComplete };
  }

  /** What was read since the last call. */
  interval(): ConsumeTrialSpan {
    const span = { ...this.#interval, endMs: Date.now() };
    this.#interval = startSpan();
    return span;
  }
}

function startSpan(): { readonly startMs: number; recordCount: number; bytes: number } {
  return { startMs: Date.now(), recordCount: 0, bytes: 0 };
}

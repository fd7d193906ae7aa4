import type {
  ConsumedBatch,
  ConsumedRecord,
  Consumer,
  PartitionOffset,
  RopewalkClient,
} from "@ropewalk/client";

import type { StartOffset } from "./start-offset.ts";

/** What is read, and from where. */
export interface RecordSourceOptions {
  readonly topic: string;
  /** `undefined`: all of them. */
  readonly partitions: readonly number[] | undefined;
  readonly from: StartOffset;
  readonly group: string | undefined;
  readonly exitAtEnd: boolean;
  /**
   * "asked": in a group, records count as dealt with once the next ones are asked for. "told": only
   * `commit` says so, which may be in the middle of a batch.
   */
  readonly commits: "asked" | "told";
  readonly stop: AbortSignal;
}

/** The records of a topic, batch by batch, until the end, or until the signal says so. */
export class RecordSource implements AsyncDisposable {
  readonly #consumer: Consumer;
  readonly #batches: AsyncIterator<ConsumedBatch, undefined>;
  readonly #stop: AbortSignal;
  #endWaiting: () => void = () => {};

  constructor(client: RopewalkClient, { commits, stop, ...options }: RecordSourceOptions) {
    this.#consumer = client.consumer({ ...options, autoCommit: commits === "asked" });
    this.#batches = this.#consumer.batches();
    this.#stop = stop;
    stop.addEventListener("abort", () => this.#endWaiting(), { once: true });
  }

  /**
   * The next records; `undefined` when there are no more. Where they are not here yet, `beforeWaiting`
   * runs first: what was gathered so far need not wait with us.
   */
  async next(beforeWaiting: () => Promise<void>): Promise<readonly ConsumedRecord[] | undefined> {
    const next = this.#batches.next();
    // A batch that is here already is a promise that is resolved already: it comes in first.
    const isHere = (await Promise.race([next, Promise.resolve()])) !== undefined;
    if (!isHere) {
      // Should the output fail, nobody is left to hear that the input did as well.
      next.catch(() => {});
      await beforeWaiting();
    }
    const result = await this.#unlessStopped(next);
    return result?.done === false ? result.value.records : undefined;
  }

  /** Tells the group that everything before these offsets was dealt with. */
  commit(offsets: readonly PartitionOffset[]): Promise<void> {
    return this.#consumer.commit(offsets);
  }

  /** Stops reading; in a group, commits what was dealt with, and leaves. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#consumer.close();
  }

  #unlessStopped<Value>(promise: Promise<Value>): Promise<Value | undefined> {
    if (this.#stop.aborted) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#endWaiting = () => resolve(undefined);
      promise.then(resolve, reject);
    });
  }
}

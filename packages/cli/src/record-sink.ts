import type { Producer, RopewalkClient } from "@ropewalk/client";
import { RopewalkError } from "@ropewalk/protocol";

import type { LineRecord, RecordSink } from "./line-producer.ts";

/** What all records of a sink share. */
export interface RecordSinkOptions {
  readonly topic: string;
  /** `undefined`: chosen by key, or spread. */
  readonly partition: number | undefined;
  readonly headers: readonly { readonly name: string; readonly value: Uint8Array }[];
  readonly acks: "all" | 1;
  readonly compression: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  /** When a record that is not acknowledged counts as failed. */
  readonly deliveryTimeoutMs: number;
}

/** A sink whose records go to one topic through the client's producer. */
export class ProducerSink implements RecordSink, AsyncDisposable {
  readonly #options: RecordSinkOptions;
  readonly #producer: Producer;
  #failure: Error | undefined;

  constructor(client: RopewalkClient, options: RecordSinkOptions) {
    this.#options = options;
    this.#producer = client.producer({
      acks: options.acks,
      compression: options.compression,
      deliveryTimeoutMs: options.deliveryTimeoutMs,
      // The first reason is the one to tell; what follows is mostly its consequence.
      onFailed: (error) => (this.#failure ??= error),
    });
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Records that are in the log. */
  get acknowledgedCount(): number {
    return this.#producer.statistics.recordsAcknowledged;
  }

  offer({ key, value }: LineRecord): Promise<void> | undefined {
    const { topic, partition, headers } = this.#options;
    try {
      return this.#producer.write({ topic, partition, key, value, headers })
        ? undefined
        : this.#producer.ready();
    } catch (error) {
      // A record that cannot be taken, for example because it is too large, is one that was not acknowledged.
      if (!(error instanceof RopewalkError)) throw error;
      this.#failure ??= error;
      return undefined;
    }
  }

  /** Waits until every record was acknowledged or failed. */
  flush(): Promise<void> {
    return this.#producer.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close();
  }
}

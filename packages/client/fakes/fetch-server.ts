import {
  batchNextOffset,
  type FetchStreamRequest,
  type FetchStreamResponseInit,
  type StartPosition,
} from "@ropewalk/protocol";
import type { FakeLog } from "./fake-log.ts";
import type { FetchSide } from "./scripted-broker.ts";

interface Subscription {
  readonly id: number;
  readonly log: FakeLog;
  nextOffset: number;
}

/** What a fetch stream was asked and has sent, for tests to look at. */
export interface FetchObservation {
  readonly subscribed: {
    readonly topic: string;
    readonly partition: number;
    readonly start: StartPosition;
  }[];
  sentBytes: number;
  creditBytes: number;
  /** The lowest the balance has been. */
  lowestCreditBytes: number;
}

/**
 * Serves partitions from logs in memory over fetch streams, with byte credit, one stored batch a message.
 * `intercept` may answer for a subscription itself, and then says so with true.
 */
export class FetchServer {
  readonly observation: FetchObservation = {
    subscribed: [],
    sentBytes: 0,
    creditBytes: 0,
    lowestCreditBytes: 0,
  };
  readonly #logs: (topic: string, partition: number) => FakeLog | undefined;
  readonly #pumps = new Set<() => void>();
  /** Runs before every batch is sent; true keeps it back (the test breaks the stream, say). */
  beforeBatch: (stream: FetchSide) => boolean = () => false;

  constructor(logs: (topic: string, partition: number) => FakeLog | undefined) {
    this.#logs = logs;
  }

  /** Sends what was appended since. */
  pump(): void {
    for (const pump of this.#pumps) pump();
  }

  readonly serve = (stream: FetchSide): void => {
    const subscriptions = new Map<number, Subscription>();
    let creditBytes = 0;
    const pump = (): void => {
      for (const subscription of subscriptions.values()) {
        while (creditBytes > 0) {
          const { log, id } = subscription;
          const batch = log.batches.find((one) => batchNextOffset(one) > subscription.nextOffset);
          if (batch === undefined) break;
          if (this.beforeBatch(stream)) return;
          subscription.nextOffset = batchNextOffset(batch);
          creditBytes -= batch.length;
          this.observation.sentBytes += batch.length;
          this.observation.lowestCreditBytes = Math.min(
            this.observation.lowestCreditBytes,
            creditBytes,
          );
          const value = {
            recordBatches: batch,
            nextOffset: subscription.nextOffset,
            highWatermark: log.endOffset,
          };
          stream.write({ subscriptionId: id, message: { case: "batches", value } });
        }
      }
    };
    this.#pumps.add(pump);
    stream.on("close", () => this.#pumps.delete(pump));
    stream.on("cancelled", () => this.#pumps.delete(pump));
    stream.on("end", () => stream.end());
    stream.on("data", ({ message }: FetchStreamRequest) => {
      if (message?.case === "credit") {
        creditBytes += message.value.bytes;
        this.observation.creditBytes += message.value.bytes;
      } else if (message?.case === "unsubscribe") {
        subscriptions.delete(message.value.subscriptionId);
      } else if (message?.case === "subscribe") {
        const { subscriptionId, topic, partition, start } = message.value;
        if (start !== undefined) this.observation.subscribed.push({ topic, partition, start });
        stream.write(
          this.#subscribe(subscriptions, subscriptionId, this.#logs(topic, partition), start),
        );
      }
      pump();
    });
  };

  #subscribe(
    subscriptions: Map<number, Subscription>,
    id: number,
    log: FakeLog | undefined,
    start: StartPosition | undefined,
  ): FetchStreamResponseInit {
    if (log === undefined) {
      return { subscriptionId: id, message: { case: "error", value: { code: "NOT_LEADER" } } };
    }
    const startOffset = resolve(log, start);
    if (startOffset > log.endOffset) {
      return {
        subscriptionId: id,
        message: { case: "error", value: { code: "OFFSET_OUT_OF_RANGE" } },
      };
    }
    subscriptions.set(id, { id, log, nextOffset: startOffset });
    const value = { startOffset, highWatermark: log.endOffset, logStartOffset: 0 };
    return { subscriptionId: id, message: { case: "started", value } };
  }
}

function resolve(log: FakeLog, start: StartPosition | undefined): number {
  switch (start?.at?.case) {
    case "offset":
      return start.at.value;
    case "edge":
      return start.at.value === "LATEST" ? log.endOffset : 0;
    default:
      return 0;
  }
}
